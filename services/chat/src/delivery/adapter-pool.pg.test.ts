import { createPool } from "@sotto/platform/db";
import { createLogger } from "@sotto/platform/log";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { afterAll, beforeAll, test } from "vitest";
import { createAdapterPool } from "./adapter-pool.ts";

const log = createLogger({ service: "test", level: "silent" });
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("a node that is stopped while its adapter connects still ends", async () => {
  const pool = createPool({ url: database.urlFor("chat"), max: 2, applicationName: "test", log });
  const adapterPool = createAdapterPool(pool, log, () => undefined);
  // The adapter waits for this connection for ever.
  void adapterPool.pool.connect();
  await adapterPool.end();
});
