// Opens pages from disk in headless Chromium and demands what docs of report.html promise.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const chromium = require("./chromium.cjs");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [folder, screenshots] = process.argv.slice(2);
const address = (name) => chromium.address(path.join(folder, `${name}.html`));
const names = fs.readdirSync(folder).filter((file) => file.endsWith(".html")).map((file) => path.basename(file, ".html"));
// As large as pages get: opened, and not searched through by axe-core in every way.
const LARGE = "cells";

/** Opens a page, runs `story` on it, and demands that it had no error and asked for nothing but its own file. */
async function opened(browser, name, options, story) {
  // axe-core is put into the page from outside, which the page's own policy would forbid.
  const context = await browser.newContext({ bypassCSP: Boolean(options.axe), ...options });
  const page = await context.newPage();
  const errors = [];
  const requests = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  page.on("dialog", (dialog) => { errors.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(address(name));
  await story(page);
  assert.deepEqual(errors, [], `${name}: errors`);
  assert.deepEqual(requests, [address(name)], `${name}: requests`);
  await context.close();
}

const column = (page, head) => page.evaluate((head) => {
  const table = document.querySelector("table.sortable");
  const place = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === head);
  return [...table.tBodies[0].rows].map((row) => row.cells[place].dataset.sort);
}, head);

async function sorts(page) {
  const head = page.locator("table.sortable thead th", { hasText: "response p99" });
  await head.getByRole("button").click();
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  const rising = (await column(page, "response p99")).map(Number);
  assert.deepEqual(rising, [...rising].sort((a, b) => a - b));
  await page.keyboard.press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "descending", "by keyboard too");
  const falling = (await column(page, "response p99")).map(Number);
  assert.deepEqual(falling, rising.reverse());
}

async function filters(page) {
  const rows = page.locator("table.sortable tbody tr:visible");
  const all = await rows.count();
  await page.getByLabel("Filter").fill("zstd linger.ms=5");
  assert.equal(await rows.count(), 1);
  assert.match(await rows.first().textContent(), /linger\.ms=5 compression\.type=zstd/);
  await page.getByLabel("Filter").fill("");
  assert.equal(await rows.count(), all);
}

async function chooses(page) {
  const figure = page.locator("figure", { has: page.locator(".choices") }).first();
  const box = figure.getByRole("checkbox").first();
  const curve = figure.locator(`g.${await box.getAttribute("id")}`);
  assert.equal(await box.isChecked(), await curve.isVisible());
  await box.click();
  assert.equal(await box.isChecked(), await curve.isVisible());
  await box.click();
  assert.equal(await box.isChecked(), await curve.isVisible());
}

/** Background and ink are on opposite sides of grey. */
async function isDark(page) {
  const [page_, ink] = await page.evaluate(() => {
    const style = getComputedStyle(document.body);
    const light = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
    return [light(style.backgroundColor), light(style.color)];
  });
  assert.ok(Math.abs(page_ - ink) > 150, `contrast: ${page_} and ${ink}`);
  return page_ < ink;
}

async function themes(page) {
  const button = page.getByRole("button", { name: /Theme/ });
  assert.equal(await isDark(page), false);
  await button.click();
  assert.equal(await isDark(page), false, "light");
  await button.click();
  assert.equal(await isDark(page), true, "dark");
  await page.reload();
  assert.equal(await isDark(page), true, "kept");
  await button.click();
  assert.equal(await isDark(page), false, "as the system again");
}

async function accessible(page, name) {
  await page.evaluate(axe);
  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
  const { violations } = await page.evaluate(() => axe.run());
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(grave.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `${name}: accessibility`);
}

async function fits(page, name) {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, `${name}: ${width} pixels wide`);
}

async function main() {
  const browser = await chromium.launch();
  const seen = async (name, options = {}, story = async () => {}) => opened(browser, name, options, story);
  const kept = (page, name, full = false) => page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: full });
  const counts = {};
  const tally = (page) => page.evaluate(() => ["table", "tbody tr", "svg.plot", "figure"].map((what) => document.querySelectorAll(what).length));

  for (const name of names) {
    await seen(name, { viewport: { width: 1280, height: 800 } }, async (page) => {
      counts[name] = await tally(page);
      await kept(page, `${name}-first-screen`);
      if (name !== LARGE) await kept(page, name, true);
    });
    await seen(name, { viewport: { width: 360, height: 740 } }, async (page) => {
      await fits(page, name);
      await kept(page, `${name}-phone`);
    });
    await seen(name, { javaScriptEnabled: false }, async () => {});
    for (const colorScheme of name === LARGE ? [] : ["light", "dark"]) {
      await seen(name, { colorScheme, axe: true }, async (page) => accessible(page, `${name} ${colorScheme}`));
    }
  }
  await seen("blocks", { colorScheme: "light" }, async (page) => { await sorts(page); await filters(page); await chooses(page); });
  await seen("blocks", { colorScheme: "light" }, async (page) => chooses(page));
  await seen(LARGE, {}, sorts);
  const context = await browser.newContext({ colorScheme: "light" });
  const page = await context.newPage();
  await page.goto(address("blocks"));
  await themes(page);
  await context.close();
  await seen("blocks", { colorScheme: "dark", viewport: { width: 1280, height: 800 } }, async (page) => {
    assert.equal(await isDark(page), true);
    await kept(page, "blocks-dark", true);
  });
  await withoutScripts(browser, counts);
  await seen("hostile", {}, async (page) => {
    assert.match(await page.title(), /^<script>document\.title='hostile'<\/script>/);
    assert.equal(await page.locator("script").count(), 1);
    assert.equal(await page.locator("main img, main b, [onclick], [onerror]").count(), 0);
    assert.match(await page.locator("#plan").textContent(), /<img src=x onerror=alert\(1\)>/);
  });
  await browser.close();
  process.stdout.write(`${names.length} passed, 0 failed\n`);
}

/** Everything is there without scripts: as many tables, rows and plots, a switch that works, and no dead control. */
async function withoutScripts(browser, counts) {
  const without = await browser.newContext({ javaScriptEnabled: false });
  for (const name of names) {
    const page = await without.newPage();
    await page.goto(address(name));
    const found = [];
    for (const what of ["table", "tbody tr", "svg.plot", "figure"]) found.push(await page.locator(what).count());
    assert.deepEqual(found, counts[name], `${name} without scripts`);
    assert.equal(await page.locator("button:visible").count(), 0, `${name}: a button that does nothing`);
    await page.close();
  }
  const page = await without.newPage();
  await page.goto(address("blocks"));
  await chooses(page);
  await without.close();
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
