import { runService } from "@sotto/platform/service";
import { createChatApp } from "./app.ts";
import { parseChatConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { serveSockets } from "./socket/server.ts";
import { startNode } from "./start-node.ts";

await runService("chat", async () => {
  const config = parseChatConfig(process.env);
  const context = createContext(config);
  const app = createChatApp(context);
  return {
    listening: { host: config.HOST, port: config.PORT, parentPid: config.SOTTO_PARENT_PID, log: context.log },
    running: { fetch: app.fetch, attach: (server) => serveSockets(context, server), ...startNode(context) },
  };
});
