// The receiver's pages in a real browser: sign in, open a mission, read a document, compare two versions, search, and see
// an update arrive; every page in light, dark and 390 px, checked by axe-core.
//
//   npm install && SK_SYNC=../../target/debug/sk-sync node pages.mjs [DIRECTORY FOR SCREENSHOTS]
//
// Without a browser (CHROMIUM, or chromium in the path) or the packages it says so and ends with 0, unless SK_SYNC_NEED_BROWSER
// is set. With SK_SYNC_ORIGIN and SK_SYNC_TOKEN it looks at a receiver that runs already, and sends nothing.
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(process.env.NODE_PACKAGES ?? here, "package.json"));
const skip = (why) => {
  console.log(`SKIPPED: ${why}`);
  process.exit(process.env.SK_SYNC_NEED_BROWSER ? 1 : 0);
};
const browserPath = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
if (!browserPath) skip("no Chromium: set CHROMIUM");
let chromium, axe;
try {
  ({ chromium } = require("playwright-core"));
  axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
} catch {
  skip("playwright-core and axe-core are not installed: npm install");
}
const shots = process.argv[2];
if (shots) mkdirSync(shots, { recursive: true });
const failures = [];
const check = (is, words) => {
  console.log(`${is ? "ok  " : "FAIL"} ${words}`);
  if (!is) failures.push(words);
};

const program = resolve(process.env.SK_SYNC ?? join(here, "../../target/debug/sk-sync"));
const dir = mkdtempSync(join(tmpdir(), "sk-sync-browser-"));
const repo = join(dir, "repo");
const token = process.env.SK_SYNC_TOKEN ?? "token-of-the-test";
const env = { ...process.env, SK_SYNC_HOME: join(dir, "home"), RECEIVER_TOKEN: token, SK_SYNC_TOKEN: token, SK_SYNC_TEAMSPACE__TEAM_SLUG: "team" };
let origin = process.env.SK_SYNC_ORIGIN;
let server;
const deliver = () => execFileSync(program, ["run", "--preset", "teamspace", "--target-url", origin], { cwd: repo, env, stdio: "pipe" });

if (!origin) {
  cpSync(join(here, "../fixtures/repo"), repo, { recursive: true });
  rmSync(join(repo, "event-sync.toml"), { force: true });
  execFileSync("git", ["init", "--quiet", repo], { env });
  server = spawn(program, ["serve", "--token-env", "RECEIVER_TOKEN"], { cwd: dir, env });
  const line = await new Promise((told) => server.stdout.once("data", (data) => told(String(data))));
  origin = line.match(/http:\S+/)[0];
  deliver();
  appendFileSync(join(repo, "kitty-specs/001-harbour-tide-table/spec.md"), "\nA line for the browser.\n");
  deliver();
}

const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
try {
  const context = await browser.newContext();
  const page = await context.newPage();
  const requests = new Set();
  const complaints = [];
  page.on("request", (request) => requests.add(new URL(request.url()).origin));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("dialog", (dialog) => { complaints.push("a dialog opened"); dialog.dismiss(); });

  await page.goto(`${origin}/activity`);
  check(page.url().includes("/sign-in"), "a stranger is asked for a token");
  await audit(page, "sign-in");
  await page.fill("#token", "wrong");
  await page.click("main button");
  check(await page.locator("[role=alert]").isVisible(), "a wrong token is refused");
  complaints.length = 0; // The refusal is a 401, which the console notes.
  await page.fill("#token", token);
  await page.press("#token", "Enter");
  check(page.url() === `${origin}/activity`, "the sign-in leads on to the page that was asked for");
  check((await context.cookies()).every((cookie) => cookie.httpOnly && cookie.sameSite === "Strict"), "the cookie is HttpOnly and SameSite=Strict");
  await audit(page, "activity");

  await page.goto(origin);
  await audit(page, "projects");
  await page.click("tbody th a");
  await audit(page, "project");
  const wanted = page.locator("a", { hasText: server ? "001-harbour-tide-table" : /./ });
  await page.locator("table").locator(wanted).first().click();
  check((await page.locator("#documents").count()) === 1, "a mission has its documents");
  await audit(page, "mission");
  const mission = page.url();
  await page.locator("table a", { hasText: "spec.md" }).first().click();
  check((await page.locator("article.text h1, article.text h2").count()) > 0, "a document is rendered");
  await audit(page, "document");
  const document_ = page.url();
  if (await page.locator(".tabs a", { hasText: "Changes" }).count()) {
    await page.click(".tabs a:has-text('Changes')");
    if (server) check((await page.locator("tr.added code").allTextContents()).includes("A line for the browser."), "two versions are compared");
    await audit(page, "diff");
  }
  const raw = await context.request.get(`${document_}&view=raw`);
  check(raw.headers()["content-type"] === "text/plain; charset=utf-8", "the raw text is plain text");

  await page.goto(origin);
  await page.fill("input[name=q]", server ? "harbour" : "mission");
  await page.press("input[name=q]", "Enter");
  check((await page.locator(".results li").count()) > 0, "a search finds documents");
  await audit(page, "search");

  if (server) {
    await page.goto(`${origin}/activity`);
    await page.evaluate(() => { window.isSamePage = true; });
    appendFileSync(join(repo, "kitty-specs/001-harbour-tide-table/plan.md"), "\nMore.\n");
    deliver();
    await page.locator(".activity li", { hasText: "plan.md changed" }).first().waitFor({ timeout: 20000 });
    check(await page.evaluate(() => window.isSamePage === true), "an open page shows what arrives without being loaded again");
  }

  const plain = await (await browser.newContext({ javaScriptEnabled: false, storageState: await context.storageState() })).newPage();
  await plain.goto(mission);
  check((await plain.locator("#board").count()) === 1, "pages work without JavaScript");
  await page.goto(mission);
  await page.keyboard.press("Tab");
  check((await page.evaluate(() => document.activeElement.className)) === "skip", "the keyboard reaches the skip link first");
  check([...requests].every((found) => found === origin), `no request leaves: ${[...requests].join(" ")}`);
  check(complaints.length === 0, `the console is silent: ${complaints.join("; ")}`);
} finally {
  await browser.close();
  server?.kill();
  rmSync(dir, { recursive: true, force: true });
}
console.log(failures.length ? `${failures.length} failed` : "all passed");
process.exit(failures.length ? 1 : 0);

async function audit(page, name) {
  for (const [kind, scheme, width] of [["light", "light", 1280], ["dark", "dark", 1280], ["narrow", "light", 390]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    if (shots) await page.screenshot({ path: join(shots, `${name}-${kind}.png`), fullPage: width === 390 ? false : true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(overflow <= 0, `${name} ${kind}: nothing is wider than the page (${overflow})`);
    // Through the debugger's protocol, so that the page's own policy stays as it is.
    const session = await page.context().newCDPSession(page);
    await session.send("Runtime.evaluate", { expression: axe });
    const { result } = await session.send("Runtime.evaluate", {
      expression: "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.target.join(' ')).slice(0, 3)])))",
      awaitPromise: true, returnByValue: true,
    });
    await session.detach();
    const serious = JSON.parse(result.value ?? "[]").filter(([impact]) => impact === "serious" || impact === "critical");
    check(result.value !== undefined && serious.length === 0, `${name} ${kind}: axe ${JSON.stringify(serious)}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
}
