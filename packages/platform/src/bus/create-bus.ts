import { systemClock } from "../clock.ts";
import { ConfigError } from "../config.ts";
import type { Bus, BusOptions } from "./bus.ts";
import { createPgBossBus } from "./pg-boss-bus.ts";
import { createRabbitmqBus } from "./rabbitmq-bus.ts";
import { topology } from "./topology.ts";

/** More than half an hour in all, so that nothing is given up because a database or a mail server was away for ten minutes. */
export const RETRY_DELAYS_SECONDS: readonly number[] = [1, 5, 30, 120, 600, 600, 600, 600];

/** Connects in the background: never throws because the broker is away. */
export function createBus(options: BusOptions): Bus {
  const complete = {
    ...options,
    topology: options.topology ?? topology,
    clock: options.clock ?? systemClock,
    retryDelaysSeconds: options.retryDelaysSeconds ?? RETRY_DELAYS_SECONDS,
  };
  const { brokerUrl } = options;
  if (brokerUrl !== undefined) return createRabbitmqBus({ ...complete, brokerUrl });
  if (options.brokerCa !== undefined)
    throw new ConfigError(["MESSAGE_BROKER_CA is set, but MESSAGE_BROKER_URL is not"]);
  return createPgBossBus(complete);
}
