import { pruneLimits } from "@sotto/platform/limits";
import { repeat } from "@sotto/platform/repeat";
import { runService } from "@sotto/platform/service";
import { createNotificationApp } from "./app.ts";
import { parseNotificationConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { consumeForMail } from "./email/consumer.ts";

const PRUNE_EVERY_MS = 3_600_000;

await runService("notification", async () => {
  const config = parseNotificationConfig(process.env);
  const context = createContext(config);
  consumeForMail(context);
  context.sender.start();
  const upkeep = repeat(context, "forgetting of limits", PRUNE_EVERY_MS, async () => {
    await pruneLimits({ ...context, schema: "notify" });
  });
  return {
    listening: {
      host: config.HOST,
      port: config.PORT,
      parentPid: config.SOTTO_PARENT_PID,
      log: context.log,
    },
    running: { fetch: createNotificationApp(context).fetch, drain: upkeep.stop, close: context.close },
  };
});
