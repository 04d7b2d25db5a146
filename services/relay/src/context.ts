import { createBus } from "@sotto/platform/bus/create-bus";
import { createPool } from "@sotto/platform/db";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import type { RelayConfig } from "./config.ts";
import { addOutboxGauges } from "./publishing/outbox-gauges.ts";
import { createRelay } from "./publishing/relay.ts";

export type RelayContext = ReturnType<typeof createContext>;

/** For health and metrics alone; the relay itself works on a connection of its own. */
const POOL_SIZE = 2;
/** A figure that takes longer is not worth what it costs the database; it is NaN then. */
const STATEMENT_TIMEOUT_MS = 2000;

export function createContext(config: RelayConfig) {
  const log = createLogger({ service: "relay", level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const pool = createPool({
    url: config.DATABASE_URL,
    max: POOL_SIZE,
    applicationName: "relay-health",
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    log,
  });
  const bus = createBus({
    service: "relay",
    brokerUrl: config.MESSAGE_BROKER_URL,
    brokerCa: config.MESSAGE_BROKER_CA,
    databaseUrl: config.DATABASE_URL,
    log,
    metrics,
  });
  const relay = createRelay({ databaseUrl: config.DATABASE_URL, bus, log, metrics });
  addOutboxGauges(metrics, pool, relay.readFrom);
  const close = async (): Promise<void> => {
    await relay.stop();
    await bus.close();
    await pool.end();
  };
  return { log, metrics, pool, bus, relay, close };
}
