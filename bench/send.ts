// Durable one-to-one messages at saturation, and at a fifth of it, on one node and on two.
import { setTimeout as delay } from "node:timers/promises";
import { startChatNodes } from "./chat-nodes.ts";
import type { BenchDatabase } from "./ground.ts";
import type { LoadFigures } from "./load/load-plan.ts";
import { type LoadProcess, startLoadProcess } from "./load/load-process.ts";
import { startProfiling } from "./profile.ts";
import { RefusedFigures, type Row, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import type { ServiceProcess } from "./service-process.ts";
import { clearMessages, measureStoreFloor } from "./store-floor.ts";
import { settleVillage, toLoadUsers, type Village } from "./village.ts";

const USERS = 50;
const IN_FLIGHT = 4;
export const SIZES = { contentBytes: 1024, envelopeBytes: 250 } as const;
const WARM_UP_SECONDS = 2;
const SETTLE_MS = 30_000;
const LIGHT_SHARE = 0.2;

export interface Measured {
  readonly figures: LoadFigures;
  readonly ackedPerS: number;
  readonly nodeCpuMsPerMessage: number;
  readonly postgresCpuMsPerMessage: number;
  readonly loadCpuMsPerMessage: number;
}

interface Place {
  readonly bench: Bench;
  readonly database: BenchDatabase;
  readonly nodes: readonly ServiceProcess[];
  readonly generator: LoadProcess;
}

/** Warms up, measures, stops, and waits until everything that was acknowledged is delivered. */
export async function measureLoad(place: Place, seconds: number): Promise<Measured> {
  const { bench, nodes, generator } = place;
  const readCpu = () => ({
    nodes: nodes.reduce((sum, node) => sum + node.cpuMs(), 0),
    postgres: bench.ground.postgresCpuMs(),
    load: generator.cpuMs(),
  });
  await delay(WARM_UP_SECONDS * 1000);
  const before = readCpu();
  await generator.load.measure(seconds);
  const after = readCpu();
  await generator.load.stop();
  await generator.load.settle(SETTLE_MS);
  const figures = await generator.load.figures();
  return {
    figures,
    ackedPerS: figures.acked / figures.measuredSeconds,
    nodeCpuMsPerMessage: (after.nodes - before.nodes) / figures.acked,
    postgresCpuMsPerMessage: (after.postgres - before.postgres) / figures.acked,
    loadCpuMsPerMessage: (after.load - before.load) / figures.acked,
  };
}

/** Envelopes that stay in the database although their devices have acknowledged all that they got. */
async function countLeftovers({ owner }: BenchDatabase): Promise<number> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const { rows } = await owner.query<{ waiting: number }>(
      "select count(*)::int as waiting from chat.envelope",
    );
    const waiting = rows[0]?.waiting ?? 0;
    if (waiting === 0 || performance.now() > deadline) return waiting;
    await delay(50);
  }
}

/** @throws RefusedFigures when a message was lost, doubled, refused, or stands in the database in another number. */
export async function assertComplete(scenario: string, place: Place, figures: LoadFigures): Promise<void> {
  const leftovers = await countLeftovers(place.database);
  const { doubled, faults, lost } = await place.generator.load.figures();
  const { rows } = await place.database.owner.query<{ stored: number }>(
    "select count(*)::int as stored from chat.message",
  );
  const stored = rows[0]?.stored ?? 0;
  const reasons = [
    ...(lost > 0 ? [`${lost} messages were lost`] : []),
    ...(doubled > 0 ? [`${doubled} messages were delivered twice`] : []),
    ...(stored === figures.ackedInAll
      ? []
      : [`${stored} messages are stored, ${figures.ackedInAll} were acknowledged`]),
    ...(leftovers > 0 ? [`${leftovers} envelopes stayed in their mailboxes`] : []),
    ...new Set(faults),
  ];
  if (reasons.length === 0) return;
  const said = place.nodes.map((node) => `\n${node.name} said: ${node.said() || "nothing"}`).join("");
  throw new RefusedFigures(scenario, [reasons.join("; ") + said]);
}

export function latencies({ figures }: Measured): Row {
  return {
    ackP50Ms: round(figures.ack.p50Ms, 1),
    ackP99Ms: round(figures.ack.p99Ms, 1),
    deliveredP50Ms: round(figures.delivered.p50Ms, 1),
    deliveredP99Ms: round(figures.delivered.p99Ms, 1),
    lost: figures.lost,
    doubled: figures.doubled,
  };
}

export function processorTime(measured: Measured): Row {
  return {
    nodeCpuMsPerMessage: round(measured.nodeCpuMsPerMessage, 3),
    postgresCpuMsPerMessage: round(measured.postgresCpuMsPerMessage, 3),
    loadCpuMsPerMessage: round(measured.loadCpuMsPerMessage, 3),
  };
}

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
