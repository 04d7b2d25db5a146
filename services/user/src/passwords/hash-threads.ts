import { Worker } from "node:worker_threads";
import type { Options } from "@node-rs/argon2";
import type { Argon2 } from "./password-hasher.ts";

export type HashJob = { password: string; parameters: Options } | { password: string; phc: string };
export type HashResult = { value: string | boolean } | { error: string };

export type HashThreads = Argon2 & {
  /** Ends the threads; what they were at is rejected. */
  close(): Promise<void>;
};

/**
 * Argon2 in threads of its own. In libuv's pool hashes would keep token signatures and DNS waiting, and with all cores
 * at work the event loop would get its turn late: these threads step back behind everything else. A thread starts with
 * the first job that finds none idle. The caller bounds how many jobs run at once, and so the threads.
 */
export function createHashThreads(): HashThreads {
  const idle: Worker[] = [];
  const all = new Set<Worker>();

  function start(): Worker {
    const worker = new Worker(new URL("./hash-thread.ts", import.meta.url));
    // A service that has ended everything else does not stay for them.
    worker.unref();
    all.add(worker);
    worker.once("exit", () => {
      all.delete(worker);
      const index = idle.indexOf(worker);
      if (index >= 0) idle.splice(index, 1);
    });
    // A thread that fails takes its own job along, which hears of it below; the next job starts another.
    worker.on("error", () => undefined);
    return worker;
  }

  function run(job: HashJob): Promise<string | boolean> {
    const worker = idle.pop() ?? start();
    const { promise, resolve, reject } = Promise.withResolvers<string | boolean>();
    const fail = (error: unknown) => reject(new Error("a hash thread has ended", { cause: error }));
    worker.once("message", (result: HashResult) => {
      worker.off("error", fail).off("exit", fail);
      idle.push(worker);
      if ("error" in result) reject(new Error(result.error));
      else resolve(result.value);
    });
    worker.once("error", fail).once("exit", fail);
    worker.postMessage(job);
    return promise;
  }

  return {
    hash: async (password, parameters) => String(await run({ password, parameters })),
    verify: async (phc, password) => (await run({ password, phc })) === true,
    async close() {
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
