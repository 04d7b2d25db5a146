import { ConfigError } from "@sotto/platform/config";
import { expect, test } from "vitest";
import { parseGatewayConfig } from "./config.ts";

const part = [{ name: "one", url: "http://127.0.0.1:1" }];
const env = {
  PORT: "8080",
  PUBLIC_URL: "http://localhost:8080",
  BACKENDS: JSON.stringify({ user: part, chat: part, notification: part, mail: part, relay: part }),
};

test("the gateway does not start in production", () => {
  expect(parseGatewayConfig(env).NODE_ENV).toBe("development");
  expect(() => parseGatewayConfig({ ...env, NODE_ENV: "production" })).toThrow(ConfigError);
  expect(() => parseGatewayConfig({ ...env, NODE_ENV: "production" })).toThrow("run Caddy in production");
});
