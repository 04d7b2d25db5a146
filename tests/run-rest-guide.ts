// Runs docs/rest.md against an installation, command by command, and compares what is printed with what the guide says.
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";
import { differences } from "./protocol-examples.ts";
import { readPrinted, readShellExamples } from "./rest-guide.ts";

const DOCUMENT = readFileSync(path.resolve(import.meta.dirname, "../docs/rest.md"), "utf8");
const MARK = "-- end of example --";

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

/** `env`: as the guide's reader would have set it, `SOTTO` for one. Nobody of the guide may be registered yet. */
export async function runRestGuide(env: Readonly<Record<string, string>>): Promise<void> {
  const tools = mkdtempSync(path.join(os.tmpdir(), "sotto-rest-"));
  writeAuthenticator(path.join(tools, "oathtool"));
  try {
    compare(await run(tools, env));
  } finally {
    rmSync(tools, { recursive: true, force: true });
  }
}

const EXAMPLES = readShellExamples(DOCUMENT);

async function run(tools: string, env: Readonly<Record<string, string>>): Promise<string> {
  const script = EXAMPLES.map((example) => `${example.script}\nprintf '\\n%s\\n' '${MARK}'\n`).join("");
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
    env: {
      PATH: [tools, path.dirname(process.env.SOTTO_CURL ?? ""), process.env.PATH].join(":"),
      HOME: tools,
      ...env,
    },
    timeout: 120_000,
  }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(
      `a command of the guide failed, after\n${error.stdout.slice(-2000)}\n${error.stderr.slice(-2000)}`,
    );
  });
  return stdout;
}

function compare(stdout: string): void {
  expect(EXAMPLES.length).toBeGreaterThan(15);
  const printed = stdout.split(`${MARK}\n`);
  for (const [index, example] of EXAMPLES.entries()) {
    if (example.printed === undefined) continue;
    const real = readPrinted(printed[index] ?? "");
    const described = readPrinted(example.printed);
    expect(differences(described, real), `line ${example.line}`).toEqual([]);
    expect(real, `line ${example.line}`).toHaveLength(described.length);
  }
}
