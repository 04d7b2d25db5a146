// Durable one-to-one messages at saturation, and at a fifth of it, on one node and on two.
import { startChatNodes } from "./chat-nodes.ts";
import type { BenchDatabase } from "./ground.ts";
import { startLoadProcess } from "./load/load-process.ts";
import { assertComplete, latencies, type Measured, measureLoad, processorTime } from "./load-run.ts";
import { startProfiling } from "./profile.ts";
import { round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { clearMessages, measureStoreFloor } from "./store-floor.ts";
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

async function runSend(bench: Bench): Promise<void> {
  const {
    report,
    ground,
    arguments: { seconds },
  } = bench;
  const database = await ground.createDatabase();
  const village = await settleVillage(database, USERS);
  const floorSeconds = Math.max(2, seconds / 3);
  const measureFloor = () => measureStoreFloor({ database, village, seconds: floorSeconds, ...SIZES });
  let floorBefore = await measureFloor();
  let oneNode: number | undefined;
  for (const nodes of [1, 2]) {
    report.note(`send: ${nodes} node(s), ${USERS} users x ${IN_FLIGHT} in flight, ${seconds} s`);
    const { saturated, light } = await measureNodes(bench, database, village, nodes);
    const floorAfter = await measureFloor();
    const floorPerS = (floorBefore + floorAfter) / 2;
    report.row({
      scenario: "send",
      nodes,
      ackedPerS: round(saturated.ackedPerS),
      floorPerS: round(floorPerS),
      ratio: round(saturated.ackedPerS / floorPerS, 3),
      ...latencies(saturated),
      ...processorTime(saturated),
      floorBeforePerS: round(floorBefore),
      floorAfterPerS: round(floorAfter),
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
    floorBefore = floorAfter;
  }
  await database.drop();
}

export const send: Scenario = { title: "send: durable messages between two people", run: runSend };
