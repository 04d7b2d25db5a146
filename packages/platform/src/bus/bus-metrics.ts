import { Counter, Gauge, type Registry } from "prom-client";

export type BusMetrics = ReturnType<typeof createBusMetrics>;

/**
 * Metrics of one bus; a registry carries one bus at most. `countDeadLetters` is asked when the metrics are read, for
 * each consumer of this process: the broker moves events there by itself as well. Without an answer it is NaN.
 */
export function createBusMetrics(
  registry: Registry,
  consumers: ReadonlyMap<string, unknown>,
  countDeadLetters: (consumer: string) => Promise<number>,
) {
  new Gauge({
    name: "sotto_bus_dead_letters",
    help: "Events that a consumer could not handle and that wait for a person.",
    labelNames: ["consumer"],
    registers: [registry],
    async collect() {
      for (const consumer of consumers.keys())
        this.set({ consumer }, await countDeadLetters(consumer).catch(() => Number.NaN));
    },
  });
  return {
    published: new Counter({
      name: "sotto_bus_published_total",
      help: "Events that the broker has confirmed.",
      registers: [registry],
    }),
    consumed: new Counter({
      name: "sotto_bus_consumed_total",
      help: "Deliveries by consumer and outcome: handled, retried, or dead.",
      labelNames: ["consumer", "outcome"],
      registers: [registry],
    }),
  };
}
