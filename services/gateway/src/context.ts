import { createLogger } from "@sotto/platform/log";
import type { GatewayConfig } from "./config.ts";
import { createProxy } from "./proxy/create-proxy.ts";

export type GatewayContext = ReturnType<typeof createContext>;

export function createContext(config: GatewayConfig) {
  const log = createLogger({ service: "gateway", level: config.LOG_LEVEL });
  return { config, log, proxy: createProxy(config.BACKENDS, log) };
}
