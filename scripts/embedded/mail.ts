// The mail server of an installation that has none: run by the launcher, reached through the gateway at /mail.
import { systemClock } from "@sotto/platform/clock";
import { parseConfig, serviceEnv } from "@sotto/platform/config";
import { createLogger } from "@sotto/platform/log";
import { runService } from "@sotto/platform/service";
import { z } from "zod";
import { readMessages } from "./mail-messages.ts";
import { createMailFetch } from "./mail-routes.ts";
import { startMailServer } from "./mail-server.ts";
import { openMailStore } from "./mail-store.ts";

const schema = z.object({
  HOST: serviceEnv.HOST,
  PORT: serviceEnv.PORT,
  LOG_LEVEL: serviceEnv.LOG_LEVEL,
  SOTTO_PARENT_PID: serviceEnv.SOTTO_PARENT_PID,
  SMTP_PORT: z.coerce.number().int().min(0).max(65_535),
  MAIL_DIR: z.string().min(1),
});

await runService("mail", async () => {
  const config = parseConfig(schema, process.env);
  const log = createLogger({ service: "mail", level: config.LOG_LEVEL });
  const store = openMailStore(config.MAIL_DIR, () => systemClock.now().getTime());
  const server = await startMailServer({
    store,
    host: "127.0.0.1",
    port: config.SMTP_PORT,
    onError: (error) => log.warn({ err: error }, "an SMTP connection failed"),
  });
  return {
    listening: { host: config.HOST, port: config.PORT, parentPid: config.SOTTO_PARENT_PID, log },
    running: {
      fetch: createMailFetch(readMessages(store)),
      close: () => new Promise((resolve) => server.close(() => resolve())),
    },
  };
});
