// Messages to devices that are not connected, beside the same messages to devices that are.
import { startChatNodes } from "./chat-nodes.ts";
import type { BenchDatabase } from "./ground.ts";
import { startLoadProcess } from "./load/load-process.ts";
import { assertComplete, latencies, type Measured, measureLoad, processorTime } from "./load-run.ts";
import { round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { clearMessages } from "./store-floor.ts";
import { settleWritersAndReaders, toLoadUsers, type Village } from "./village.ts";

const WRITERS = 50;
const READERS = 50;
const IN_FLIGHT = 4;
const SIZES = { contentBytes: 1024, envelopeBytes: 250 } as const;
/** For everything that waited, delivered to all who come back at once. */
const DRAIN_MS = 180_000;

interface Round {
  readonly measured: Measured;
  /** Envelopes per second to all who came back at once. */
  readonly drainedPerS: number;
}

async function measureRound(
  bench: Bench,
  database: BenchDatabase,
  village: Village,
  readersAreConnected: boolean,
): Promise<Round> {
  const {
    ground,
    arguments: { seconds },
  } = bench;
  await clearMessages(database);
  const nodes = await startChatNodes(bench, database, 1);
  const generator = startLoadProcess(ground.cleanup);
  const { load } = generator;
  const place = { bench, database, nodes, generator };
  const urls = nodes.map(({ url }) => url);
  const isConnected = (index: number): boolean => index < WRITERS || readersAreConnected;
  await load.connect({ users: await toLoadUsers(village, ground.tokens, urls, isConnected), ...SIZES });
  await load.startClosedLoop(IN_FLIGHT);
  let drainMs = 0;
  const measured = await measureLoad(place, seconds, async () => {
    const fromMs = performance.now();
    await load.connectAll();
    await load.settle(DRAIN_MS);
    drainMs = performance.now() - fromMs;
  });
  await assertComplete("offline", place, measured.figures);
  await generator.stop();
  await Promise.all(nodes.map((node) => node.stop()));
  return { measured, drainedPerS: (measured.figures.ackedInAll / drainMs) * 1000 };
}

async function runOffline(bench: Bench): Promise<void> {
  const { report, ground } = bench;
  const database = await ground.createDatabase();
  const village = await settleWritersAndReaders(database, WRITERS, READERS);
  const measure = (connected: boolean): Promise<Round> => {
    report.note(`offline: ${WRITERS} writers, ${READERS} readers ${connected ? "connected" : "away"}`);
    return measureRound(bench, database, village, connected);
  };
  const before = await measure(true);
  const away = await measure(false);
  const after = await measure(true);
  const online = (before.measured.ackedPerS + after.measured.ackedPerS) / 2;
  const cpuOf = ({ measured }: Round): number =>
    measured.nodeCpuMsPerMessage + measured.postgresCpuMsPerMessage;
  // Their delivery times are those of their absence.
  const { deliveredP50Ms: _p50, deliveredP99Ms: _p99, ...ackLatencies } = latencies(away.measured);
  report.row({
    scenario: "offline",
    nodes: 1,
    ackedPerS: round(away.measured.ackedPerS),
    floorPerS: round(online),
    ratio: round(away.measured.ackedPerS / online, 3),
    ...ackLatencies,
    cpuOfOnline: round(cpuOf(away) / ((cpuOf(before) + cpuOf(after)) / 2), 3),
    drainedPerS: round(away.drainedPerS),
    ...processorTime(away.measured),
  });
  await database.drop();
}

export const offline: Scenario = { title: "offline: recipients who are away", run: runOffline };
