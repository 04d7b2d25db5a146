import { type Env, parseConfig, serviceEnv } from "@sotto/platform/config";
import { z } from "zod";

const backend = z.object({ name: z.string().min(1), url: z.url({ protocol: /^http$/ }) });
export type Backend = z.infer<typeof backend>;

/** The processes behind each route; `relay` is behind none, and only shown. */
const backends = z.object({
  user: z.array(backend).min(1),
  chat: z.array(backend).min(1),
  notification: z.array(backend).min(1),
  mail: z.array(backend).min(1),
  relay: z.array(backend).min(1),
});
export type Backends = z.infer<typeof backends>;

const schema = z.object({
  NODE_ENV: serviceEnv.NODE_ENV.refine(
    (mode) => mode !== "production",
    "the gateway is for development; run Caddy in production",
  ),
  HOST: serviceEnv.HOST,
  PORT: serviceEnv.PORT,
  LOG_LEVEL: serviceEnv.LOG_LEVEL,
  SOTTO_PARENT_PID: serviceEnv.SOTTO_PARENT_PID,
  PUBLIC_URL: z.url(),
  /** JSON. */
  BACKENDS: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue("it is no JSON");
        return z.NEVER;
      }
    })
    .pipe(backends),
});

export type GatewayConfig = z.infer<typeof schema>;

/** @throws ConfigError naming every bad setting. */
export function parseGatewayConfig(env: Env): GatewayConfig {
  return parseConfig(schema, env);
}
