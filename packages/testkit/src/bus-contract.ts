// What both transports of the bus promise, as tests that run against a real broker which is killed on the way.
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { adminCases } from "./bus-admin-cases.ts";
import { deliveryCases } from "./bus-delivery-cases.ts";
import { type BusBroker, type BusHarness, createBusHarness } from "./bus-harness.ts";
import { outageCases } from "./bus-outage-cases.ts";

const PATIENCE_MS = 120_000;

/** Runs the whole contract against the broker that `start` starts. */
export function describeBus(name: string, start: () => Promise<BusBroker>): void {
  describe(`the bus over ${name}`, () => {
    let harness: BusHarness;
    beforeAll(async () => {
      harness = createBusHarness(await start());
    }, PATIENCE_MS);
    afterEach(() => harness.closeAll());
    afterAll(() => harness?.broker.stop(), PATIENCE_MS);

    for (const [guarantee, check] of Object.entries({ ...deliveryCases, ...adminCases, ...outageCases }))
      it(guarantee, () => check(harness), PATIENCE_MS);
  });
}
