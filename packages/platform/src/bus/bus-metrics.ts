import { Counter, type Registry } from "prom-client";

export type BusMetrics = ReturnType<typeof createBusMetrics>;

/** Counters of one bus; a registry carries one bus at most. */
export function createBusMetrics(registry: Registry) {
  return {
    published: new Counter({
      name: "sotto_bus_published_total",
      help: "Events that the broker has confirmed.",
      registers: [registry],
    }),
    consumed: new Counter({
      name: "sotto_bus_consumed_total",
      help: "Deliveries by consumer and outcome: handled, retried, or dead-lettered.",
      labelNames: ["consumer", "outcome"],
      registers: [registry],
    }),
  };
}
