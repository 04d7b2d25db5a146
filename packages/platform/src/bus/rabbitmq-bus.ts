import type { Bus, TransportOptions } from "./bus.ts";

export function createRabbitmqBus(_options: TransportOptions & { brokerUrl: string }): Bus {
  throw new Error("not yet");
}
