import { expect, test } from "vitest";
import { createCleanup } from "./cleanup.ts";

test("everything is undone once, the newest first, and what was undone by hand is left out", async () => {
  const done: string[] = [];
  const cleanup = createCleanup();
  cleanup.add(() => void done.push("first"));
  const undo = cleanup.add(() => void done.push("by hand"));
  cleanup.add(() => void done.push("last"));
  await undo();
  await undo();
  await Promise.all([cleanup.run(), cleanup.run()]);
  expect(done).toEqual(["by hand", "last", "first"]);
});

test("a step that fails keeps no other from being undone, and is told", async () => {
  const done: string[] = [];
  const cleanup = createCleanup();
  cleanup.add(() => void done.push("first"));
  cleanup.add(() => Promise.reject(new Error("stuck")));
  await expect(cleanup.run()).rejects.toThrow("stuck");
  expect(done).toEqual(["first"]);
});

test("whoever asks again while it runs waits for the same end", async () => {
  const cleanup = createCleanup();
  const slow = Promise.withResolvers<void>();
  let ended = false;
  cleanup.add(async () => {
    await slow.promise;
    ended = true;
  });
  void cleanup.run();
  const again = cleanup.run().then(() => ended);
  slow.resolve();
  expect(await again).toBe(true);
});
