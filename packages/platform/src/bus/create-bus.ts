import type { Bus, BusOptions } from "./bus.ts";
import { createPgBossBus } from "./pg-boss-bus.ts";
import { createRabbitmqBus } from "./rabbitmq-bus.ts";
import { topology } from "./topology.ts";

const RETRY_DELAYS_SECONDS = [1, 5, 30, 120, 600, 600, 600, 600];

/** Connects in the background: never throws because the broker is away. */
export function createBus(options: BusOptions): Bus {
  const complete = {
    ...options,
    topology: options.topology ?? topology,
    retryDelaysSeconds: options.retryDelaysSeconds ?? RETRY_DELAYS_SECONDS,
  };
  return options.brokerUrl === undefined
    ? createPgBossBus(complete)
    : createRabbitmqBus({ ...complete, brokerUrl: options.brokerUrl });
}
