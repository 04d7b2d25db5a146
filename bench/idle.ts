// Memory and processor time of connections on which nothing happens.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { populate } from "@sotto/testkit/population";
import { startChatNodes } from "./chat-nodes.ts";
import type { LoadUser } from "./load/load-plan.ts";
import { startLoadProcess } from "./load/load-process.ts";
import { RefusedFigures, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { type ServiceProcess, startService } from "./service-process.ts";
import { toLoadUsers } from "./village.ts";

/** The first tenth fills caches and pools, which no later connection pays for. */
const STEPS = [0.1, 0.4, 0.7, 1];
const STABLE_POLL_MS = 500;
const STABLE_SHARE = 0.005;
const STABLE_POLLS = 4;
const STABLE_PATIENCE_MS = 30_000;
const CPU_SECONDS = 10;
/** Files that a process needs besides its connections. */
const OTHER_FILES = 200;

interface Idle {
  readonly kbPerConnection: number;
  /** Of one core, with all connections made. */
  readonly cpuPercent: number;
}

function assertEnoughFiles(connections: number): void {
  let limit: number;
  try {
    limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1]);
  } catch (error) {
    // Not Linux: the connections themselves will tell.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (limit < connections + OTHER_FILES)
    throw new Error(
      `${connections} connections need ${connections + OTHER_FILES} open files, and this shell allows ${limit}. ` +
        "Raise it (ulimit -n), or ask for fewer (--connections).",
    );
}

/** Waits until garbage collection and late allocations have come to rest; answers the resident kB. */
async function stableResidentKb(server: ServiceProcess): Promise<number> {
  const deadline = performance.now() + STABLE_PATIENCE_MS;
  let last = server.residentKb();
  for (let still = 0; still < STABLE_POLLS && performance.now() < deadline; ) {
    await delay(STABLE_POLL_MS);
    const now = server.residentKb();
    still = Math.abs(now - last) < last * STABLE_SHARE ? still + 1 : 0;
    last = now;
  }
  return last;
}

/** Slope of the line through the points by least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

async function measureIdle(
  { ground }: Bench,
  server: ServiceProcess,
  users: readonly LoadUser[],
): Promise<Idle> {
  const generator = startLoadProcess(ground.cleanup);
  const points: [number, number][] = [];
  await generator.load.connect({ users: [...users], contentBytes: 1, envelopeBytes: 1 });
  for (const step of STEPS) {
    const count = Math.round(users.length * step);
    await generator.load.connectUpTo(count);
    points.push([count, await stableResidentKb(server)]);
  }
  const cpuBefore = server.cpuMs();
  await delay(CPU_SECONDS * 1000);
  const cpuPercent = (server.cpuMs() - cpuBefore) / (CPU_SECONDS * 10);
  const { faults } = await generator.load.figures();
  if (faults.length > 0) throw new RefusedFigures("idle", faults);
  await generator.stop();
  await server.stop();
  return { kbPerConnection: slope(points), cpuPercent };
}

async function runIdle(bench: Bench): Promise<void> {
  const {
    ground,
    report,
    arguments: { connections },
  } = bench;
  assertEnoughFiles(connections);
  const database = await ground.createDatabase();
  const residents = await populate(database.owner, connections);
  await database.owner.query("analyze");
  const usersOf = ({ url }: ServiceProcess): Promise<LoadUser[]> =>
    toLoadUsers({ residents, acquaintances: [] }, ground.tokens, [url], () => false);
  report.note(`idle: ${connections} connections to Socket.IO alone`);
  const raw = await startService(ground.cleanup, {
    name: "raw",
    script: "bench/raw-socket-server.ts",
    env: {},
    readyPath: "/",
  });
  const floor = await measureIdle(bench, raw, await usersOf(raw));
  report.note(`idle: ${connections} connections to a chat node`);
  for (const node of await startChatNodes(bench, database, 1)) {
    const own = await measureIdle(bench, node, await usersOf(node));
    report.row({
      scenario: "idle",
      nodes: 1,
      connections,
      kbPerConnection: round(own.kbPerConnection, 1),
      floorKbPerConnection: round(floor.kbPerConnection, 1),
      ratio: round(own.kbPerConnection / floor.kbPerConnection, 2),
      cpuPercent: round(own.cpuPercent, 1),
      floorCpuPercent: round(floor.cpuPercent, 1),
    });
  }
  await database.drop();
}

export const idle: Scenario = { title: "idle: connections on which nothing happens", run: runIdle };
