import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences } from "./protocol-examples.ts";
import { readPrinted, readShellExamples } from "./rest-guide.ts";

const DOCUMENT = readFileSync(path.resolve(import.meta.dirname, "../docs/rest.md"), "utf8");
const MARK = "-- end of example --";

let stack: Stack;
let tools: string;
beforeAll(async () => {
  stack = await startStack();
  tools = mkdtempSync(path.join(os.tmpdir(), "sotto-rest-"));
  writeAuthenticator(path.join(tools, "oathtool"));
});
afterAll(async () => {
  rmSync(tools, { recursive: true, force: true });
  await stack.stop();
  stack.remove();
});

/** The document's `oathtool --totp --base32 SECRET`, which is on few machines. */
function writeAuthenticator(file: string): void {
  const library = pathToFileURL(
    path.resolve(import.meta.dirname, "../node_modules/otpauth/dist/otpauth.esm.js"),
  );
  const program = path.join(path.dirname(file), "authenticator.mjs");
  writeFileSync(
    program,
    `import { TOTP } from ${JSON.stringify(library.href)};\nconsole.log(new TOTP({ secret: process.argv.at(-1) }).generate());\n`,
  );
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(file, 0o755);
}

test("every command of the guide to REST does what the guide says, run in its order", async () => {
  const examples = readShellExamples(DOCUMENT);
  expect(examples.length).toBeGreaterThan(15);
  const script = examples.map(({ script }) => `${script}\nprintf '\\n%s\\n' '${MARK}'\n`).join("");
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
    env: {
      PATH: [tools, path.dirname(process.env.SOTTO_CURL ?? ""), process.env.PATH].join(":"),
      HOME: tools,
      SOTTO: stack.url,
    },
    timeout: 120_000,
  });
  const printed = stdout.split(`${MARK}\n`);
  for (const [index, example] of examples.entries()) {
    if (example.printed === undefined) continue;
    const real = readPrinted(printed[index] ?? "");
    const described = readPrinted(example.printed);
    expect(differences(described, real), `line ${example.line}`).toEqual([]);
    expect(real, `line ${example.line}`).toHaveLength(described.length);
  }
});
