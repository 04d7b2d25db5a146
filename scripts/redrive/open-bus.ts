import { type BusAdmin, createBusAdmin } from "@sotto/platform/bus/bus-admin";
import { createLogger } from "@sotto/platform/log";
import {
  findDatabaseUrl,
  findRunning,
  findSetting,
  type Surroundings,
} from "../launcher/running-installation.ts";

export type BusAddress = { brokerUrl?: string; brokerCa?: string | undefined; databaseUrl: string };

/**
 * RabbitMQ where MESSAGE_BROKER_URL is set, the database that DATABASE_URL names, or that of the running `npm start`.
 * @throws Error for the operator, also when `npm start` runs with a RabbitMQ that is not named: its database has empty queues.
 */
export function findBus(surroundings: Surroundings): BusAddress {
  const { env } = surroundings;
  const brokerUrl = findSetting("MESSAGE_BROKER_URL", env);
  if (brokerUrl) return { brokerUrl, brokerCa: findSetting("MESSAGE_BROKER_CA", env), databaseUrl: "" };
  if (!findSetting("DATABASE_URL", env) && findRunning(surroundings).bus === "RabbitMQ")
    throw new Error("This installation runs with RabbitMQ: set MESSAGE_BROKER_URL as it was set for it.");
  return { databaseUrl: findDatabaseUrl("relay", surroundings) };
}

/** Connects when something is asked of it. */
export function openBus(address: BusAddress): BusAdmin {
  return createBusAdmin({ ...address, log: createLogger({ service: "bus-admin", level: "silent" }) });
}
