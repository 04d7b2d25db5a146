import { type Env, parseConfig, serviceEnv } from "@sotto/platform/config";
import { edgeEnv } from "@sotto/platform/edge";
import { z } from "zod";

/** `name@host` or `Some Name <name@host>`. */
const mailbox = z
  .string()
  .regex(
    /^(?:[^<>\r\n]+<[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+)$/,
    "must be an address, or Name <address>",
  );

const schema = z.object({
  ...serviceEnv,
  ...edgeEnv,
  /** `smtp://` or `smtps://`, with user and password when the server wants them. */
  SMTP_URL: z.url({ protocol: /^smtps?$/ }),
  MAIL_FROM: mailbox,
});

export type NotificationConfig = z.infer<typeof schema>;

/** @throws ConfigError naming every bad setting. */
export function parseNotificationConfig(env: Env): NotificationConfig {
  return parseConfig(schema, env);
}
