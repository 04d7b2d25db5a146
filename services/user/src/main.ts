import { runService } from "@sotto/platform/service";
import { createUserApp } from "./app.ts";
import { parseUserConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { startChores } from "./start-chores.ts";

await runService("user", async () => {
  const config = parseUserConfig(process.env);
  const context = await createContext(config);
  const app = createUserApp(context);
  const chores = startChores(context);
  return {
    listening: {
      host: config.HOST,
      port: config.PORT,
      parentPid: config.SOTTO_PARENT_PID,
      log: context.log,
    },
    running: { fetch: app.fetch, drain: chores.stop, close: context.close },
  };
});
