import { type Env, parseConfig, serviceEnv } from "@sotto/platform/config";
import { z } from "zod";

const schema = z.object(serviceEnv);

export type RelayConfig = z.infer<typeof schema>;

/** @throws ConfigError naming every bad setting. */
export function parseRelayConfig(env: Env): RelayConfig {
  return parseConfig(schema, env);
}
