import { runService } from "@sotto/platform/service";
import { createGatewayApp } from "./app.ts";
import { parseGatewayConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { putProxyInFront } from "./serve-node.ts";

await runService("gateway", async () => {
  const config = parseGatewayConfig(process.env);
  const context = createContext(config);
  return {
    listening: { host: config.HOST, port: config.PORT, parentPid: config.SOTTO_PARENT_PID, log: context.log },
    running: {
      fetch: createGatewayApp(context).fetch,
      attach: (server) => putProxyInFront(server, context.proxy),
      close: async () => undefined,
    },
  };
});
