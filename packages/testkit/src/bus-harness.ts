// What the tests of the bus contract share: buses on a real broker, consumers of their own, events.
import type { DomainEvent } from "@sotto/contracts/events";
import type { Bus, ConsumeOptions } from "@sotto/platform/bus/bus";
import { type BusAdmin, createBusAdmin } from "@sotto/platform/bus/bus-admin";
import { createBus } from "@sotto/platform/bus/create-bus";
import type { Topology } from "@sotto/platform/bus/topology";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics, type Registry } from "@sotto/platform/metrics";
import { vi } from "vitest";

export type BrokerAddress = { databaseUrl: string; brokerUrl?: string; brokerCa?: string };

export interface BusBroker {
  /** How a service that publishes, and one that consumes, reaches the broker. */
  readonly publisher: BrokerAddress;
  readonly consumer: BrokerAddress;
  kill9(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export type TestEvent = DomainEvent<"chat.device-added">;
type Handle = ConsumeOptions<"chat.device-added">["handle"];

export const TYPE = "chat.device-added";
export const PATIENT = { timeout: 60_000, interval: 100 };
export const RETRY_DELAYS_SECONDS = [1, 1];

export type BusHarness = ReturnType<typeof createBusHarness>;

/** A name that no other test uses: queues outlive the tests. */
export const newConsumer = (): string => `test-${systemIds.uuidv7()}`;
export const idsOf = (events: readonly { id: string }[]): string[] => events.map((event) => event.id);

export function makeEvents(count: number): TestEvent[] {
  return Array.from({ length: count }, () => ({
    id: systemIds.uuidv7(),
    type: TYPE,
    version: 1,
    occurredAt: "2026-01-01T00:00:00.000Z",
    key: "account",
    data: { accountId: systemIds.uuidv7(), deviceId: systemIds.uuidv7(), first: false },
  }));
}

/** Publishes as the relay does: everything again until it is confirmed. */
export async function publishForSure(bus: Bus, events: Parameters<Bus["publish"]>[0]): Promise<void> {
  await vi.waitFor(() => bus.publish(events), PATIENT);
}

export function createBusHarness(broker: BusBroker) {
  const open: (Bus | BusAdmin)[] = [];
  const registries = new Map<Bus, Registry>();
  const connect = (side: "publisher" | "consumer", topology: Topology): Bus => {
    const metrics = createMetrics();
    const bus = createBus({
      ...broker[side],
      service: `test-${side}`,
      log: createLogger({ service: "test", level: process.env.TEST_LOG_LEVEL ?? "silent" }),
      metrics,
      topology,
      retryDelaysSeconds: RETRY_DELAYS_SECONDS,
    });
    open.push(bus);
    registries.set(bus, metrics);
    return bus;
  };
  const consume = (topology: Topology, consumer: string, handle: Handle, concurrency = 10): Bus => {
    const bus = connect("consumer", topology);
    bus.consume({ consumer, types: [TYPE], handle, concurrency });
    return bus;
  };
  /** As an operator connects, with the rights of the relay. */
  const admin = (topology: Topology): BusAdmin => {
    const log = createLogger({ service: "test", level: "silent" });
    const retryDelaysSeconds = RETRY_DELAYS_SECONDS;
    const opened = createBusAdmin({ ...broker.publisher, log, topology, retryDelaysSeconds });
    open.push(opened);
    return opened;
  };
  return {
    broker,
    connect,
    admin,
    consume,
    /** The metrics of a bus in the text format. */
    metricsOf: async (bus: Bus): Promise<string> => (await registries.get(bus)?.metrics()) ?? "",
    /** A consumer for one test, with the bus to publish to it. */
    setUp: () => {
      const consumer = newConsumer();
      const topology: Topology = { [consumer]: [TYPE] };
      return { consumer, topology, publisher: connect("publisher", topology) };
    },
    /** The ids that arrive, in the order of their first arrival. */
    collect: (topology: Topology, consumer: string): Set<string> => {
      const seen = new Set<string>();
      consume(topology, consumer, async (event) => {
        seen.add(event.id);
      });
      return seen;
    },
    closeAll: () => Promise.all(open.splice(0).map((bus) => bus.close())),
  };
}
