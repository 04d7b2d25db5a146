// Global set-up of the vitest project "pg".
import type { TestProject } from "vitest/node";
import { startTestPostgres } from "./postgres.ts";

/** Starts the server of the run, hands its address to the tests, and stops it afterwards. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestPostgres();
  project.provide("testPostgres", server.address);
  return server.stop;
}
