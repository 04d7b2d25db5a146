// A process that takes one event, says so, and never finishes it. Argument: JSON with the address of the broker,
// the consumer's name and the event type.
import type { EventType } from "@sotto/contracts/events";
import { createBus } from "@sotto/platform/bus/create-bus";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";

const { databaseUrl, brokerUrl, consumer, type } = JSON.parse(process.argv[2] ?? "") as {
  databaseUrl: string;
  brokerUrl?: string;
  consumer: string;
  type: EventType;
};

createBus({
  databaseUrl,
  brokerUrl,
  service: "stuck",
  log: createLogger({ service: "stuck", level: "silent" }),
  metrics: createMetrics(),
  topology: { [consumer]: [type] },
  retryDelaysSeconds: [1, 1],
}).consume({
  consumer,
  types: [type],
  concurrency: 1,
  handle: () => {
    process.stdout.write("holding\n");
    return new Promise(() => undefined);
  },
});
