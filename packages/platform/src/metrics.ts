import { collectDefaultMetrics, Registry } from "prom-client";

/** A registry with the figures of the process: CPU, memory, event loop lag, garbage collection. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export type { Registry } from "prom-client";
