import { globSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { REPOSITORY, runScript, type Step, type Verdict } from "./step.ts";

export type Project = "unit" | "pg" | "e2e" | "browser";

const report = z.object({
  success: z.boolean(),
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) }),
  ),
});

/** The verdict on one run of vitest. A skipped test has not passed, and a crash between tests is a failure too. */
export function verdictOf(content: unknown, endedWell: boolean): Verdict {
  const parsed = report.safeParse(content);
  if (!parsed.success) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, success } = parsed.data;
  // A file whose set-up or import failed has failed, though none of its tests has.
  const crashed = parsed.data.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed"),
  );
  const failed = numFailedTests + numPendingTests + numTodoTests + crashed.length;
  const isUnexplained = failed === 0 && (!success || !endedWell || numPassedTests === 0);
  return { passed: numPassedTests, failed: failed + (isUnexplained ? 1 : 0) };
}

function isOf(project: Project, file: string): boolean {
  const kind = /\.(pg|e2e|browser)\.test\.ts$/.exec(file)?.[1] ?? "unit";
  return kind === project;
}

/** The test files of a project, as paths in the repository. */
export function testFiles(project: Project): string[] {
  const exclude = (name: string): boolean =>
    name === "node_modules" || name === "dist" || name.startsWith(".");
  return globSync("**/*.test.ts", { cwd: REPOSITORY, exclude }).filter((file) => isOf(project, file));
}

function readReport(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    console.error(`vitest left no readable report: ${String(error)}`);
    return undefined;
  }
}

/** All tests of one project. */
export function vitestStep(title: string, project: Project): Step {
  return {
    title,
    run: async (env) => {
      const file = path.join(env.TMPDIR ?? os.tmpdir(), `vitest-${project}.json`);
      rmSync(file, { force: true });
      const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
      const endedWell = await runScript(["--bin", "vitest", "run", "--project", project, ...reporters], env);
      return verdictOf(readReport(file), endedWell);
    },
  };
}
