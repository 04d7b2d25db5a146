// npm run admin: looks after the accounts of an installation. See docs/operators.md.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@sotto/platform/clock";
import { helpText, readArguments, UsageError } from "./admin/arguments.ts";
import { createPrompt } from "./admin/prompt.ts";
import { runCommand } from "./admin/run-command.ts";
import { openTokenFile } from "./admin/token-file.ts";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

async function main(argv: readonly string[]): Promise<void> {
  const invocation = readArguments(argv);
  if (invocation === "help") {
    process.stdout.write(`${helpText()}\n`);
    return;
  }
  const prompt = createPrompt(process.stdin, process.stderr);
  try {
    const { answer, text } = await runCommand(invocation, {
      ...{ prompt, tokens: openTokenFile(process.env), clock: systemClock, env: process.env, root },
    });
    process.stdout.write(`${invocation.json ? JSON.stringify(answer, undefined, 2) : text}\n`);
  } finally {
    prompt.close();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
