// A process that moves all dead letters of a consumer back. Argument: JSON with the address of the broker, the
// consumer's name and the topology.
import { createBusAdmin } from "@sotto/platform/bus/bus-admin";
import type { Topology } from "@sotto/platform/bus/topology";
import { createLogger } from "@sotto/platform/log";
import type { BrokerAddress } from "./bus-harness.ts";

const { consumer, topology, ...address } = JSON.parse(process.argv[2] ?? "") as BrokerAddress & {
  consumer: string;
  topology: Topology;
};

const admin = createBusAdmin({
  ...address,
  topology,
  retryDelaysSeconds: [1, 1],
  log: createLogger({ service: "redrive", level: "silent" }),
});
await admin.redrive(consumer, { limit: 1000 });
await admin.close();
