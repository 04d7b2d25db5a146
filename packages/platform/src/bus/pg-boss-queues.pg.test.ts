import { createBusHarness, idsOf, makeEvents, PATIENT, publishForSure } from "@sotto/testkit/bus-harness";
import { createTestDatabase } from "@sotto/testkit/postgres";
import { Client } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";

test("a queue that is deleted under a running consumer comes back, and what is published later is consumed", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const address = { databaseUrl: database.ownerUrl };
  const none = async () => undefined;
  const harness = createBusHarness({
    publisher: address,
    consumer: address,
    kill9: none,
    restart: none,
    stop: none,
  });
  onTestFinished(() => void harness.closeAll());
  const owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();
  onTestFinished(() => owner.end());

  const { consumer, topology, publisher } = harness.setUp();
  const seen = harness.collect(topology, consumer);
  const round = async () => {
    const events = makeEvents(3);
    await publishForSure(publisher, events);
    await vi.waitFor(() => expect(idsOf(events).every((id) => seen.has(id))).toBe(true), PATIENT);
  };
  await round();
  await owner.query("delete from bus.job where name = $1", [consumer]);
  await owner.query("delete from bus.queue where name = $1", [consumer]);
  await round();
  await harness.closeAll();
});
