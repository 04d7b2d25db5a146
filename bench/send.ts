// Durable one-to-one messages at saturation, and at a fifth of it, on one node and on two.
import { startChatNodes } from "./chat-nodes.ts";
import type { BenchDatabase } from "./ground.ts";
import { startLoadProcess } from "./load/load-process.ts";
import { assertComplete, latencies, type Measured, measureLoad, processorTime } from "./load-run.ts";
import { startProfiling } from "./profile.ts";
import { type Row, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { clearMessages, measureStoreFloor } from "./store-floor.ts";
import { measureTransportFloor } from "./transport-floor.ts";
import { settleVillage, toLoadUsers, type Village } from "./village.ts";

const USERS = 50;
const IN_FLIGHT = 4;
const SIZES = { contentBytes: 1024, envelopeBytes: 250 } as const;
const LIGHT_SHARE = 0.2;

interface Round {
  readonly saturated: Measured;
  readonly light: Measured;
}

async function measureNodes(
  bench: Bench,
  database: BenchDatabase,
  village: Village,
  count: number,
): Promise<Round> {
  const {
    ground,
    arguments: { seconds },
  } = bench;
  await clearMessages(database);
  const nodes = await startChatNodes(bench, database, count);
  const generator = startLoadProcess(ground.cleanup);
  const { load } = generator;
  const place = { bench, database, nodes, generator };
  const urls = nodes.map(({ url }) => url);
  await load.connect({ users: await toLoadUsers(village, ground.tokens, urls), ...SIZES });
  const profiling = await startProfiling(bench, database);
  await load.startClosedLoop(IN_FLIGHT);
  const saturated = await measureLoad(place, seconds);
  await profiling.endStatements();
  await assertComplete("send", place, saturated.figures);
  await load.startOpenLoop(saturated.ackedPerS * LIGHT_SHARE);
  const light = await measureLoad(place, Math.max(2, seconds / 3));
  await assertComplete("send", place, light.figures);
  await generator.stop();
  await Promise.all(nodes.map((node) => node.stop()));
  profiling.endProfiles();
  return { saturated, light };
}

interface Floors {
  /** The accepting transaction by itself. */
  readonly store: number;
  /** The frames by themselves. */
  readonly transport: number;
}

async function measureFloors(bench: Bench, database: BenchDatabase, village: Village): Promise<Floors> {
  const seconds = Math.max(2, bench.arguments.seconds / 3);
  return {
    store: await measureStoreFloor({ database, village, seconds, ...SIZES }),
    transport: await measureTransportFloor(bench, {
      ...SIZES,
      seconds,
      inFlight: IN_FLIGHT,
      usersAt: (urls) => toLoadUsers(village, bench.ground.tokens, urls),
    }),
  };
}

/** `sharedFloorPerS`: what the same cores reach when each message costs them both floors, one after the other. */
function againstFloors(perS: number, before: Floors, after: Floors): Row {
  const store = (before.store + after.store) / 2;
  const transport = (before.transport + after.transport) / 2;
  const shared = 1 / (1 / store + 1 / transport);
  return {
    floorPerS: round(store),
    ratio: round(perS / store, 3),
    transportFloorPerS: round(transport),
    sharedFloorPerS: round(shared),
    ofSharedFloor: round(perS / shared, 3),
    floorBeforePerS: round(before.store),
    floorAfterPerS: round(after.store),
  };
}

async function runSend(bench: Bench): Promise<void> {
  const {
    report,
    ground,
    arguments: { seconds },
  } = bench;
  const database = await ground.createDatabase();
  const village = await settleVillage(database, USERS);
  let before = await measureFloors(bench, database, village);
  let oneNode: number | undefined;
  for (const nodes of [1, 2]) {
    report.note(`send: ${nodes} node(s), ${USERS} users x ${IN_FLIGHT} in flight, ${seconds} s`);
    const { saturated, light } = await measureNodes(bench, database, village, nodes);
    const after = await measureFloors(bench, database, village);
    report.row({
      scenario: "send",
      nodes,
      ackedPerS: round(saturated.ackedPerS),
      ...againstFloors(saturated.ackedPerS, before, after),
      ...latencies(saturated),
      ...processorTime(saturated),
      ...(oneNode === undefined ? {} : { ofOneNode: round(saturated.ackedPerS / oneNode, 3) }),
    });
    report.row({
      scenario: "send-light",
      nodes,
      ackedPerS: round(light.ackedPerS),
      ofSaturation: LIGHT_SHARE,
      ...latencies(light),
      ...processorTime(light),
    });
    oneNode ??= saturated.ackedPerS;
    before = after;
  }
  await database.drop();
}

export const send: Scenario = { title: "send: durable messages between two people", run: runSend };
