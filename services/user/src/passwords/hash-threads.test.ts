import { readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import { hash } from "@node-rs/argon2";
import { afterEach, expect, test } from "vitest";
import { createHashThreads, type HashThreads } from "./hash-threads.ts";

const PARAMETERS = { memoryCost: 1024, timeCost: 1, parallelism: 1 };
let threads: HashThreads | undefined;
afterEach(() => threads?.close());

test("hashes and verifications are those of the library, however many there are at once", async () => {
  const own = createHashThreads();
  threads = own;
  const passwords = Array.from({ length: 8 }, (_, index) => `password ${index} ${"\u0000ä🔑"}`);
  const hashes = await Promise.all(passwords.map((password) => own.hash(password, PARAMETERS)));
  expect(new Set(hashes).size).toBe(8);
  const verified = passwords.flatMap((password, index) => [
    own.verify(hashes[index] ?? "", password),
    own.verify(hashes[(index + 1) % 8] ?? "", password),
  ]);
  expect(await Promise.all(verified)).toEqual(passwords.flatMap(() => [true, false]));
  expect(await own.verify(await hash("from elsewhere", PARAMETERS), "from elsewhere")).toBe(true);
});

test("what the library refuses is rejected, and the thread goes on", async () => {
  threads = createHashThreads();
  await expect(threads.verify("no hash", "password")).rejects.toThrow();
  const phc = await threads.hash("password", PARAMETERS);
  expect(await threads.verify(phc, "password")).toBe(true);
});

test("closing rejects what is under way", async () => {
  const own = createHashThreads();
  const long = own.hash("password", { memoryCost: 65_536, timeCost: 50, parallelism: 1 });
  const outcome = expect(long).rejects.toThrow("a hash thread has ended");
  await own.close();
  await outcome;
});

test("hashing threads step back behind all others, where threads can", async () => {
  threads = createHashThreads();
  await threads.hash("password", PARAMETERS);
  if (process.platform !== "linux") return;
  const nicenesses = readdirSync("/proc/self/task").map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  });
  const own = os.getPriority();
  expect(nicenesses.filter((niceness) => niceness > own)).toEqual([Math.min(19, own + 5)]);
});
