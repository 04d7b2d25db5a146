import { pruneLimits } from "@sotto/platform/limits";
import { repeat } from "@sotto/platform/repeat";
import { runService } from "@sotto/platform/service";
import { createNotificationApp } from "./app.ts";
import { parseNotificationConfig } from "./config.ts";
import { consumeEvents } from "./consume-events.ts";
import { createContext } from "./context.ts";
import { forgetOldNotifications } from "./in-app/forget-old-notifications.ts";

const PRUNE_EVERY_MS = 3_600_000;

await runService("notification", async () => {
  const config = parseNotificationConfig(process.env);
  const context = createContext(config);
  consumeEvents(context);
  context.sender.start();
  const upkeep = repeat(context, "forgetting of limits and old notifications", PRUNE_EVERY_MS, async () => {
    await pruneLimits({ ...context, schema: "notify" });
    await forgetOldNotifications(context);
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
