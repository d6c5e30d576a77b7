// Opens a page from disk, once for each time that it was rendered, and prints what both took.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const { address, launch } = require("../../dev/report-browser.d/chromium.cjs");

const [file, profile, ...rendered] = process.argv.slice(2);

/** Milliseconds until DOMContentLoaded, until load, and from a click until the sorted table is drawn. */
async function opened() {
  const browser = await launch();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(address(file));
  const navigation = await page.waitForFunction(() => {
    const [of] = performance.getEntriesByType("navigation");
    return of.loadEventEnd > 0 && [of.domContentLoadedEventEnd, of.loadEventEnd];
  });
  const [ready, loaded] = await navigation.jsonValue();
  const [sorted, order] = await page.evaluate(() => new Promise((resolve) => {
    const heads = [...document.querySelectorAll("table.sortable thead th")];
    const head = heads.find((cell) => cell.textContent === "response p99");
    const from = performance.now();
    head.querySelector("button").click();
    // The frame after the next one begins once that is drawn.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      resolve([performance.now() - from, head.getAttribute("aria-sort")]);
    }));
  }));
  assert.equal(order, "ascending");
  await browser.close();
  return { ready, loaded, sorted };
}

function row(name, values, digits) {
  const text = (value) => value.toFixed(digits);
  const rising = values.map(Number).sort((a, b) => a - b);
  const middle = (rising[(rising.length - 1) >> 1] + rising[rising.length >> 1]) / 2;
  return `| ${name} | ${text(middle)} (${text(rising[0])} to ${text(rising.at(-1))}) |\n`;
}

async function main() {
  const times = [];
  for (const _ of rendered) times.push(await opened());
  const of = (name) => times.map((time) => time[name]);
  process.stdout.write(`| 500 cells, ${rendered.length} times | median (range) |\n|---|---:|\n`
    + row("size of the page, MB", [fs.statSync(file).size / 1e6], 2)
    + row(`rendered, profile ${profile}, ms`, rendered, 0)
    + row("until DOMContentLoaded, ms", of("ready"), 0)
    + row("until load, ms", of("loaded"), 0)
    + row("click until the table is sorted and drawn, ms", of("sorted"), 0));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
