import { runService } from "@sotto/platform/service";
import { createRelayApp } from "./app.ts";
import { parseRelayConfig } from "./config.ts";
import { createContext } from "./context.ts";

await runService("relay", async () => {
  const config = parseRelayConfig(process.env);
  const context = createContext(config);
  context.relay.start();
  return {
    listening: {
      host: config.HOST,
      port: config.PORT,
      parentPid: config.SOTTO_PARENT_PID,
      log: context.log,
    },
    running: { fetch: createRelayApp(context).fetch, close: context.close },
  };
});
