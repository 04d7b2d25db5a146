import { Counter, Gauge, type Registry } from "prom-client";

export type RelayMetrics = ReturnType<typeof createRelayMetrics>;

export function createRelayMetrics(registry: Registry) {
  return {
    published: new Counter({
      name: "sotto_relay_published_total",
      help: "Events that were published and deleted from the outbox.",
      registers: [registry],
    }),
    refused: new Counter({
      name: "sotto_relay_refused_total",
      help: "Attempts at which the broker did not take a batch of events.",
      registers: [registry],
    }),
    parked: new Counter({
      name: "sotto_relay_parked_total",
      help: "Events that could not be published in the shape they had; see outbox.parked.",
      registers: [registry],
    }),
    active: new Gauge({
      name: "sotto_relay_active",
      help: "1 when this relay publishes, 0 when it stands by.",
      registers: [registry],
    }),
  };
}
