// Runs steps one after the other (two cores are one too few for two of them) and gives one verdict.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { findLeftovers } from "./leftovers.ts";
import type { Step, Verdict } from "./step.ts";

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

async function runStep(step: Step, position: string, env: NodeJS.ProcessEnv): Promise<Verdict> {
  console.log(`\n==== ${position} ${step.title} ====`);
  const startedMs = performance.now();
  const verdict = await step.run(env);
  const word = verdict.failed === 0 ? "passed" : "FAILED";
  console.log(
    `---- ${step.title}: ${word}, ${verdict.passed} passed, ${verdict.failed} failed, ${seconds(startedMs)}`,
  );
  return verdict;
}

/** Ends what was left behind: it is ours, and the next run shall find a clean machine. */
async function reportLeftovers(mark: string): Promise<number> {
  const leftovers = await findLeftovers(mark);
  for (const { pid, command } of leftovers) {
    console.error(`Left behind: process ${pid}, ${command.slice(0, 200)}`);
    process.kill(pid, "SIGKILL");
  }
  return leftovers.length === 0 ? 0 : 1;
}

/** Runs everything, also after a failure; prints the totals as the last line and sets the exit code. */
export async function runGate(
  steps: readonly Step[],
  tools: Readonly<Record<string, string>>,
): Promise<void> {
  const startedMs = performance.now();
  const scratch = mkdtempSync(path.join(os.tmpdir(), "sotto-gate-"));
  // As open as /tmp itself: servers under test run as other users.
  chmodSync(scratch, 0o1777);
  // The tests start some hundred processes of Node: each takes over what the ones before it have compiled.
  const env = {
    ...process.env,
    ...tools,
    TMPDIR: scratch,
    NODE_COMPILE_CACHE: path.join(scratch, "compile-cache"),
  };
  let passed = 0;
  let failed = 0;
  const failedTitles: string[] = [];
  try {
    for (const [index, step] of steps.entries()) {
      const verdict = await runStep(step, `${index + 1}/${steps.length}`, env);
      passed += verdict.passed;
      failed += verdict.failed;
      if (verdict.failed > 0) failedTitles.push(step.title);
    }
    const left = await reportLeftovers(scratch);
    failed += left;
    if (left > 0) failedTitles.push("processes left behind");
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
  console.log(`\nThis took ${seconds(startedMs)}.`);
  if (failedTitles.length > 0) console.log(`Failed: ${failedTitles.join(", ")}.`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
