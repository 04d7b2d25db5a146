import { runService } from "@sotto/platform/service";
import { createNotificationApp } from "./app.ts";
import { parseNotificationConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { consumeForMail } from "./email/consumer.ts";

await runService("notification", async () => {
  const config = parseNotificationConfig(process.env);
  const context = createContext(config);
  consumeForMail(context);
  context.sender.start();
  return {
    listening: {
      host: config.HOST,
      port: config.PORT,
      parentPid: config.SOTTO_PARENT_PID,
      log: context.log,
    },
    running: { fetch: createNotificationApp(context).fetch, close: context.close },
  };
});
