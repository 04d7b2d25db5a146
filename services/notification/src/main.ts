import { pruneLimits } from "@sotto/platform/limits";
import { repeat } from "@sotto/platform/repeat";
import { runService } from "@sotto/platform/service";
import { createNotificationApp } from "./app.ts";
import { tellDue } from "./attention/tell-due.ts";
import { parseNotificationConfig } from "./config.ts";
import { consumeEvents } from "./consume-events.ts";
import { createContext } from "./context.ts";
import { forgetOldNotifications } from "./in-app/forget-old-notifications.ts";
import { forgetOldPushes } from "./push/forget-old-pushes.ts";

const PRUNE_EVERY_MS = 3_600_000;
const TELL_EVERY_MS = 1000;

await runService("notification", async () => {
  const config = parseNotificationConfig(process.env);
  const context = createContext(config);
  consumeEvents(context);
  context.sender.start();
  context.pushSender.start();
  const chores = [
    repeat(context, "forgetting of limits", PRUNE_EVERY_MS, async () => {
      await pruneLimits({ ...context, schema: "notify" });
    }),
    repeat(context, "telling of waiting messages", TELL_EVERY_MS, () => tellDue(context)),
    repeat(context, "forgetting of old pushes", PRUNE_EVERY_MS, () => forgetOldPushes(context)),
    repeat(context, "forgetting of old notifications", PRUNE_EVERY_MS, () => forgetOldNotifications(context)),
  ];
  const drain = async (): Promise<void> => {
    await Promise.all(chores.map((chore) => chore.stop()));
  };
  return {
    listening: {
      host: config.HOST,
      port: config.PORT,
      parentPid: config.SOTTO_PARENT_PID,
      log: context.log,
    },
    running: { fetch: createNotificationApp(context).fetch, drain, close: context.close },
  };
});
