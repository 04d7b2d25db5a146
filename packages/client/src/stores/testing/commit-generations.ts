// A child process for the crash tests: commits generation after generation over the same rows, says each commit that
// resolved, and kills itself with SIGKILL before or after the n-th call into SQLite when told to.
import { writeSync } from "node:fs";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { openSqliteStore } from "../sqlite-store.ts";

const [path, dieAt] = [process.argv[2] ?? "", Number(process.argv[3] ?? "0")];
const ROWS = 5;
let calls = 0;

function step(): void {
  calls++;
  if (calls === dieAt) process.kill(process.pid, "SIGKILL");
}

for (const prototype of [DatabaseSync.prototype, StatementSync.prototype]) {
  for (const name of ["exec", "run"] as const) {
    const original = Reflect.get(prototype, name);
    if (typeof original !== "function") continue;
    Reflect.set(prototype, name, function wrapped(this: unknown, ...args: unknown[]) {
      step();
      const result = Reflect.apply(original, this, args);
      step();
      return result;
    });
  }
}

const store = await openSqliteStore(path);
const before = (await store.get("t", "0"))?.[0] ?? 0;
for (let generation = before + 1; generation <= before + 3; generation++) {
  const value = Uint8Array.of(generation);
  await store.commit(Array.from({ length: ROWS }, (_, row) => ({ table: "t", key: `${row}`, value })));
  writeSync(1, `${generation}\n`);
}
writeSync(1, `calls ${calls}\n`);
await store.close();
