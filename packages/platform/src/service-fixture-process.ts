// A service process for the tests of its life; its settings say how it behaves.

import { z } from "zod";
import { parseConfig, serviceEnv } from "./config.ts";
import { createLogger } from "./log.ts";
import { runService } from "./service.ts";

const schema = z.object({
  PORT: serviceEnv.PORT,
  SOTTO_PARENT_PID: serviceEnv.SOTTO_PARENT_PID,
  FAILURE: z.enum(["plain", "chain", "defect"]).optional(),
});

const failures = {
  plain: () => new Error("the key file\nis empty"),
  chain: () =>
    new Error("the keys cannot be read", {
      cause: Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }),
    }),
  defect: () => new TypeError("x is not a function"),
};

await runService("fixture", async () => {
  const config = parseConfig(schema, process.env);
  const log = createLogger({ service: "fixture", level: "info" });
  if (config.FAILURE) throw failures[config.FAILURE]();
  const released = Promise.withResolvers<void>();
  return {
    listening: { host: "127.0.0.1", port: config.PORT, parentPid: config.SOTTO_PARENT_PID, log },
    running: {
      async fetch(request) {
        const { pathname } = new URL(request.url);
        log.info({ pathname }, "asked");
        if (pathname === "/slow") await released.promise;
        if (pathname === "/throws") throw new Error("a secret of the inside");
        return new Response(`answered ${pathname} ${(await request.text()).length}`);
      },
      drain: async () => {
        log.info("draining");
        // Long enough for a second signal to arrive in between.
        process.stdin.once("data", () => released.resolve());
      },
      close: async () => log.info("closed"),
    },
  };
});
