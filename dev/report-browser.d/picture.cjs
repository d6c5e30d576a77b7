// Keeps what a browser shows at an address as a PNG: the first screen, and the whole page where HEIGHT is 0.
"use strict";
const { launch } = require("./chromium.cjs");

const [address, file, width, height] = process.argv.slice(2);

async function main() {
  const browser = await launch();
  const whole = Number(height) === 0;
  const viewport = { width: Number(width), height: whole ? 800 : Number(height) };
  const page = await browser.newPage({ viewport, colorScheme: "light" });
  await page.goto(address, { waitUntil: "networkidle" });
  await page.screenshot({ path: file, fullPage: whole });
  await browser.close();
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
