import { defineConfig } from "vitest/config";

const exclude = ["**/node_modules/**", "**/dist/**"];

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      {
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...exclude, "**/*.pg.test.ts", "**/*.e2e.test.ts", "**/*.browser.test.ts"],
          testTimeout: 20_000,
          maxWorkers: "100%",
        },
      },
      {
        test: {
          name: "pg",
          include: ["**/*.pg.test.ts"],
          exclude,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          globalSetup: ["packages/testkit/src/postgres-setup.ts"],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["**/*.e2e.test.ts"],
          exclude,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          globalSetup: ["packages/testkit/src/rabbitmq-setup.ts"],
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "browser",
          include: ["**/*.browser.test.ts"],
          exclude,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
