// One step of the gate: a program that is run and its verdict.
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
}

export interface Step {
  readonly title: string;
  run(env: NodeJS.ProcessEnv): Promise<Verdict>;
}

/** Longer than any step may take; a test that hangs must not hang the gate. */
const PATIENCE_MS = 20 * 60_000;

/** Runs `scripts/run.mjs` with these arguments, its output going to ours; returns whether it ended with 0. */
export function runScript(args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const runner = path.join(REPOSITORY, "scripts", "run.mjs");
  const child = spawn(process.execPath, [runner, ...args], {
    cwd: REPOSITORY,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const impatient = setTimeout(() => {
    console.error(`This takes longer than ${PATIENCE_MS / 60_000} minutes; it is ended.`);
    child.kill("SIGTERM");
  }, PATIENCE_MS);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(impatient);
      resolve(code === 0);
    });
  });
}

/** A step that passes or fails as a whole. */
export function wholeStep(title: string, args: readonly string[]): Step {
  return {
    title,
    run: async (env) => ((await runScript(args, env)) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }),
  };
}
