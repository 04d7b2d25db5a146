// One measurement under load, and the proof that nothing was lost in it.
import { setTimeout as delay } from "node:timers/promises";
import type { BenchDatabase } from "./ground.ts";
import type { LoadFigures } from "./load/load-plan.ts";
import type { LoadProcess } from "./load/load-process.ts";
import { RefusedFigures, type Row, round } from "./report.ts";
import type { Bench } from "./scenario.ts";
import type { ServiceProcess } from "./service-process.ts";

const WARM_UP_SECONDS = 2;
const SETTLE_MS = 30_000;

export interface Measured {
  readonly figures: LoadFigures;
  readonly ackedPerS: number;
  readonly nodeCpuMsPerMessage: number;
  readonly postgresCpuMsPerMessage: number;
  readonly loadCpuMsPerMessage: number;
}

/** What runs during a measurement. */
export interface Running {
  readonly bench: Bench;
  readonly nodes: readonly ServiceProcess[];
  readonly generator: LoadProcess;
}

export interface Place extends Running {
  readonly database: BenchDatabase;
}

/** Warms up, measures, stops, and waits until everything that was acknowledged is delivered; the load runs already. */
export async function measureLoad(
  { bench, nodes, generator }: Running,
  seconds: number,
  settle: () => Promise<void> = () => generator.load.settle(SETTLE_MS),
): Promise<Measured> {
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
  await settle();
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
