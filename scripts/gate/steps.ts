import { type Step, wholeStep } from "./step.ts";
import { type Project, testFiles, vitestStep } from "./vitest-step.ts";

const TITLES: Readonly<Record<Project, string>> = {
  unit: "Unit tests",
  pg: "Tests against PostgreSQL and RabbitMQ",
  e2e: "Tests of the whole stack",
  browser: "Tests in a browser",
};

/** What needs no server: quick enough for every save. */
export function quickSteps(): Step[] {
  return [
    wholeStep("Types", ["--bin", "tsc"]),
    wholeStep("Lint, format and boundaries", ["--bin", "biome", "check", "--error-on-warnings", "."]),
    vitestStep(TITLES.unit, "unit"),
  ];
}

/** Everything. A project without any test file is not there. */
export function allSteps(): Step[] {
  const projects = (["pg", "e2e", "browser"] as const).filter((project) => testFiles(project).length > 0);
  return [
    ...quickSteps(),
    wholeStep("Schema dump and table types", ["db/dump.ts"]),
    ...projects.map((project) => vitestStep(TITLES[project], project)),
  ];
}
