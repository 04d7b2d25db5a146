import { expect, it } from "vitest";
import { testFiles, verdictOf } from "./vitest-step.ts";

const clean = {
  success: true,
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
};

it("counts what passed and what failed", () => {
  expect(verdictOf(clean, true)).toEqual({ passed: 5, failed: 0 });
  expect(verdictOf({ ...clean, success: false, numFailedTests: 2 }, false)).toEqual({ passed: 5, failed: 2 });
});

it("counts a skipped test as failed", () => {
  expect(verdictOf({ ...clean, numPendingTests: 1, numTodoTests: 1 }, true)).toEqual({
    passed: 5,
    failed: 2,
  });
});

it("counts a file whose set-up failed", () => {
  const testResults = [
    { status: "failed", assertionResults: [] },
    { status: "failed", assertionResults: [{ status: "passed" }] },
    { status: "failed", assertionResults: [{ status: "failed" }] },
    { status: "passed", assertionResults: [{ status: "passed" }] },
  ];
  expect(verdictOf({ ...clean, success: false, numFailedTests: 1, testResults }, false).failed).toBe(3);
});

it.each([
  ["crashed between tests", { ...clean, success: false }, false],
  ["ended with an error after good tests", clean, false],
  ["ran no test", { ...clean, numPassedTests: 0 }, true],
])("fails a run that %s", (_name, content, endedWell) => {
  expect(verdictOf(content, endedWell).failed).toBe(1);
});

it("fails a run without a report", () => {
  expect(verdictOf(undefined, true)).toEqual({ passed: 0, failed: 1 });
});

it("finds every test file in exactly one project", () => {
  const projects = (["unit", "pg", "e2e", "browser"] as const).map(testFiles);
  expect(projects[0]).toContain("scripts/gate/vitest-step.test.ts");
  expect(projects[1]).toContain("db/migrate.pg.test.ts");
  const all = projects.flat();
  expect(new Set(all).size).toBe(all.length);
});
