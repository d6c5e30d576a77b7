// Debian's Chromium, without a window, and addresses of files.
"use strict";
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

exports.launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--headless", "--no-sandbox"] });
exports.address = (file) => pathToFileURL(path.resolve(file)).href;
