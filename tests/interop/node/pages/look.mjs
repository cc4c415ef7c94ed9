// Opens a page in Debian's Chromium and says what a person would meet: one JSON document on stdout.
//
//   node look.mjs URL SCREENSHOTS|- [STEP…]
//
// STEP is one of `LOOKS`: a look at the page so, with axe-core; `print`: as PDF; `keys`: its tables by
// keyboard alone; or `paint`: how long the first paint takes, the median of three. Every request but the page itself is
// noted and refused.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { readFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [url, shots, ...steps] = process.argv.slice(2);
if (shots !== "-") mkdirSync(shots, { recursive: true });

const said = { requests: [], console: [], errors: [], steps: {} };

async function open(browser, options) {
  const context = await browser.newContext({ bypassCSP: false, ...options });
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", e => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
  const page = await context.newPage();
  await page.route("**/*", route => {
    if (route.request().isNavigationRequest() && route.request().url() === url) return route.continue();
    said.requests.push(route.request().url());
    return route.abort();
  });
  page.on("console", message => said.console.push(message.text()));
  page.on("pageerror", error => said.errors.push(String(error)));
  return page;
}

// axe runs in an isolated world, past the page's policy, as an extension would.
async function judge(page) {
  const client = await page.context().newCDPSession(page);
  const { frameTree } = await client.send("Page.getFrameTree");
  const world = { frameId: frameTree.frame.id, worldName: "axe", grantUniveralAccess: true };
  const { executionContextId: contextId } = await client.send("Page.createIsolatedWorld", world);
  await client.send("Runtime.evaluate", { contextId, expression: axe });
  const run = "axe.run(document, { resultTypes: ['violations', 'incomplete'] }).then(r => JSON.stringify({" +
    "violations: r.violations.map(v => v.id + ' (' + v.impact + '): ' + v.nodes.slice(0, 3).map(n => n.target + ' ' + n.failureSummary).join('; ')), passes: r.passes.length }))";
  const answer = await client.send("Runtime.evaluate", { contextId, expression: run, awaitPromise: true });
  if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails));
  return JSON.parse(answer.result.value);
}

const LOOKS = {
  light: { colorScheme: "light", viewport: { width: 1200, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1200, height: 900 } },
  narrow: { colorScheme: "light", viewport: { width: 320, height: 800 } },
  phone: { colorScheme: "dark", viewport: { width: 390, height: 844 }, hasTouch: true },
  // What a window of 1200 pixels shows at 200 %.
  zoomed: { colorScheme: "light", viewport: { width: 600, height: 450 }, deviceScaleFactor: 2 },
  contrast: { colorScheme: "dark", forcedColors: "active", viewport: { width: 1200, height: 900 } },
  noscript: { colorScheme: "light", viewport: { width: 1200, height: 900 }, javaScriptEnabled: false },
};

// Words of names in tables that are on two lines, though they are no longer than a date and its time.
function broken() {
  const found = [];
  for (const cell of document.querySelectorAll(".list tbody th")) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const word of texts.currentNode.data.matchAll(/[^\s/-]+/g)) {
        if (word[0].length > 16) continue;
        const range = document.createRange();
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        if (new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1) found.push(word[0]);
      }
    }
  }
  return found.slice(0, 5);
}

// Rows of each table that are in sight, and what there is to click or type into.
function tables(page) {
  return page.evaluate(() => {
    const visible = (root, what) => [...root.querySelectorAll(what)].filter(element => element.checkVisibility()).length;
    const all = [...document.querySelectorAll(".list")].map(list => ({
      what: list.dataset.what, rows: Number(list.dataset.rows), visible: visible(list, "tbody tr"),
      told: list.querySelector(".told")?.textContent,
    }));
    return { all, controls: visible(document, "input, button") };
  });
}

async function look(browser, step) {
  const page = await open(browser, LOOKS[step]);
  const response = await page.goto(url, { waitUntil: "load" });
  const found = { status: response.status(), headers: response.headers(), title: await page.title() };
  if (step === "noscript") found.tables = await tables(page);
  if (step !== "noscript") {
    found.axe = await judge(page);
    found.violations = await page.evaluate(() => window.violations);
    found.overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    found.globals = await page.evaluate(() => Boolean(window.hacked));
    found.text = await page.evaluate(() => document.body.innerText);
    found.broken = await page.evaluate(broken);
  }
  if (shots !== "-") await page.screenshot({ path: join(shots, `${step}.png`), fullPage: step !== "noscript" });
  await page.context().close();
  return found;
}

async function print(browser) {
  const page = await open(browser, LOOKS.light);
  await page.goto(url, { waitUntil: "load" });
  // As it is on paper: a picture of that cannot be asked what is on it.
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const found = await tables(page);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await page.emulateMedia({ media: null });
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
  if (shots !== "-") {
    writeFileSync(join(shots, "print.pdf"), pdf);
  }
  await page.context().close();
  return { tables: found, bytes: pdf.length, pages: (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) ?? []).length };
}

// Until a text has not changed for a while: words are looked for while they are typed.
async function settled(told) {
  for (let last = null, now = await told(); now !== last; [last, now] = [now, await told()]) await new Promise(go => setTimeout(go, 400));
}

// Tab to the first search field, look for its words, leaf and sort; never a mouse.
async function keys(browser) {
  const page = await open(browser, LOOKS.light);
  await page.goto(url, { waitUntil: "load" });
  const words = process.env.WORDS ?? "";
  const what = process.env.WHAT ?? "";
  const box = `.list[data-what="${what}"]`;
  const focused = () => page.evaluate(() => {
    const element = document.activeElement;
    return { name: element.tagName, text: element.textContent, type: element.type, what: element.closest(".list")?.dataset.what };
  });
  const tab = async wanted => {
    for (let presses = 0; presses < 400; presses++) {
      await page.keyboard.press("Tab");
      if (wanted(await focused())) return;
    }
    throw new Error("not reachable by keyboard");
  };
  const told = () => page.textContent(`${box} .told`);
  const rows = () => page.$$eval(`${box} tbody tr`, rows => rows.map(row => row.cells[0].textContent.trim()));
  const found = { before: await told() };
  await tab(at => at.what === what && at.type === "search");
  const started = Date.now();
  await page.keyboard.type(words);
  await page.waitForFunction(([box, before]) => document.querySelector(`${box} .told`).textContent !== before, [box, found.before]);
  await settled(told);
  found.searched = { told: await told(), rows: await rows(), ms: Date.now() - started };
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.waitForFunction(([box, before]) => document.querySelector(`${box} .told`).textContent === before, [box, found.before]);
  if (await page.$(`${box} .controls button`)) {
    await tab(at => at.what === what && at.text === "Next");
    await page.keyboard.press("Enter");
    found.next = { told: await told(), rows: (await rows()).length };
  }
  await tab(at => at.what === what && at.name === "BUTTON" && !["Next", "Previous"].includes(at.text));
  await page.keyboard.press("Enter");
  found.sorted = { rows: await rows(), head: await page.getAttribute(`${box} th[aria-sort]`, "aria-sort") };
  await page.context().close();
  return found;
}

async function paint(browser) {
  const times = [];
  for (let run = 0; run < 3; run++) {
    const page = await open(browser, LOOKS.light);
    await page.goto(url, { waitUntil: "load" });
    times.push(await page.evaluate(async () => {
      const first = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
      while (first() === undefined) await new Promise(go => setTimeout(go, 20));
      const [load] = performance.getEntriesByType("navigation");
      return { paint: Math.round(first()), load: Math.round(load.loadEventEnd), elements: document.querySelectorAll("*").length };
    }));
    await page.context().close();
  }
  return times.sort((a, b) => a.paint - b.paint)[1];
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (const step of steps) {
    const act = { print, keys, paint }[step];
    said.steps[step] = act ? await act(browser) : await look(browser, step);
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
