import type { AppEnv } from "@sotto/platform/http";
import type { Context } from "hono";
import type { Origin } from "./record-audit.ts";

/** Where the request of `c` came from; `client`: what it calls itself, where the request says so. */
export function originOf(c: Context<AppEnv>, client?: string): Origin {
  // Routes that anybody may call have no caller.
  const caller = c.get("caller") as AppEnv["Variables"]["caller"] | undefined;
  return { address: c.var.address, sessionId: caller?.sessionId, client };
}
