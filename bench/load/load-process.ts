import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Cleanup } from "../cleanup.ts";
import { cpuMsOf } from "../process-usage.ts";
import type { Load, LoadAnswer, LoadCall } from "./load-plan.ts";

export interface LoadProcess {
  readonly load: Load;
  cpuMs(): number;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

/** Starts a load generator; its calls reject when the process ends. */
export function startLoadProcess(cleanup: Cleanup): LoadProcess {
  const child = fork(MAIN, [], { execArgv: [], detached: true });
  const calls = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  child.on("message", ({ id, value, error }: LoadAnswer) => {
    const call = calls.get(id);
    calls.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(`the load generator: ${error}`));
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.once("exit", () => {
    for (const call of calls.values()) call.reject(new Error("the load generator ended"));
    calls.clear();
  });
  const call = (method: keyof Load, argument: unknown): Promise<unknown> => {
    const waiting = Promise.withResolvers<unknown>();
    lastId += 1;
    calls.set(lastId, waiting);
    child.send({ id: lastId, method, argument } satisfies LoadCall);
    return waiting.promise;
  };
  // Every method of Load takes at most one argument, of plain data, and answers plain data.
  const load = new Proxy({} as Load, {
    get: (_, method) => (argument: unknown) => call(method as keyof Load, argument),
  });
  return {
    load,
    cpuMs: () => cpuMsOf(child.pid ?? 0),
    stop: cleanup.add(async () => {
      child.kill("SIGKILL");
      await exited;
    }),
  };
}
