import { expect, test } from "vitest";
import { createLogger } from "../log.ts";
import { createMetrics } from "../metrics.ts";
import { createBus } from "./create-bus.ts";

test.each([
  ["amqp://127.0.0.1:1", "MESSAGE_BROKER_URL is not amqps://"],
  [undefined, "MESSAGE_BROKER_URL is not"],
])("an authority without an encrypted connection is a mistake (%s)", (brokerUrl, message) => {
  const log = createLogger({ service: "test", level: "silent" });
  const options = { service: "test", databaseUrl: "postgres://nobody@127.0.0.1:1/none", brokerUrl, log };
  expect(() => createBus({ ...options, brokerCa: "PEM", metrics: createMetrics() })).toThrow(message);
});
