import { checkCommands, checkRefusals } from "@sotto/testkit/bus-command-cases";
import { createTestDatabase } from "@sotto/testkit/postgres";
import { expect, onTestFinished, test } from "vitest";

test("dead letters are listed and moved back, and queues purged, over PostgreSQL; nobody is taken to have said yes", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  expect.hasAssertions();
  const bus = {
    publisher: { databaseUrl: database.urlFor("relay") },
    consumer: { databaseUrl: database.urlFor("notification") },
    env: { DATABASE_URL: database.urlFor("relay") },
    queue: "notification",
  };
  await checkCommands(bus);
  await checkRefusals(bus);
});
