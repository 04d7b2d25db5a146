import { runService } from "@sotto/platform/service";
import { createUserApp } from "./app.ts";
import { parseUserConfig } from "./config.ts";
import { createContext } from "./context.ts";

await runService("user", async () => {
  const config = parseUserConfig(process.env);
  const context = await createContext(config);
  const app = createUserApp(context);
  return {
    listening: {
      host: config.HOST,
      port: config.PORT,
      parentPid: config.SOTTO_PARENT_PID,
      log: context.log,
    },
    running: { fetch: app.fetch, close: context.close },
  };
});
