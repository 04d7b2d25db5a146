// The load generator, a process of its own: takes calls from the process that started it, and ends with it.
import { createLoad } from "./create-load.ts";
import type { LoadAnswer, LoadCall } from "./load-plan.ts";

const load = createLoad();

async function answer({ id, method, argument }: LoadCall): Promise<LoadAnswer> {
  try {
    return { id, value: await (load[method] as (argument: unknown) => Promise<unknown>)(argument) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

process.on("message", async (call: LoadCall) => process.send?.(await answer(call)));
process.on("disconnect", () => process.exit(0));
