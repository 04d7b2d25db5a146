// The floor of `send` that has no database: what the frames of the messages cost by themselves.

import type { LoadUser } from "./load/load-plan.ts";
import { startLoadProcess } from "./load/load-process.ts";
import { measureLoad } from "./load-run.ts";
import { RefusedFigures } from "./report.ts";
import type { Bench } from "./scenario.ts";
import { startService } from "./service-process.ts";

interface TransportFloorOptions {
  readonly seconds: number;
  readonly inFlight: number;
  readonly contentBytes: number;
  readonly envelopeBytes: number;
  usersAt(urls: readonly string[]): Promise<LoadUser[]>;
}

/** Messages per second that a bare Socket.IO server passes on and answers, under the load of `send`. */
export async function measureTransportFloor(bench: Bench, options: TransportFloorOptions): Promise<number> {
  const { seconds, inFlight, contentBytes, envelopeBytes, usersAt } = options;
  const server = await startService(bench.ground.cleanup, {
    name: "transport",
    script: "bench/transport-server.ts",
    env: {},
    readyPath: "/",
  });
  const generator = startLoadProcess(bench.ground.cleanup);
  await generator.load.connect({ users: await usersAt([server.url]), contentBytes, envelopeBytes });
  await generator.load.startClosedLoop(inFlight);
  const { ackedPerS, figures } = await measureLoad({ bench, nodes: [server], generator }, seconds);
  const { lost, doubled, faults } = figures;
  if (lost + doubled + faults.length > 0)
    throw new RefusedFigures("transport floor", [`${lost} were lost, ${doubled} doubled`, ...faults]);
  await generator.stop();
  await server.stop();
  return ackedPerS;
}
