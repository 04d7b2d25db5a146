import { expect, test } from "vitest";
import { createWorkQueue } from "./work-queue.ts";

/** Work that ends when the test says so. */
function heldWork() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let hasStarted = false;
  return {
    end: resolve,
    fail: reject,
    hasStarted: () => hasStarted,
    run: () => {
      hasStarted = true;
      return promise;
    },
  };
}

test("no more than the allowed number of works run at once, the rest in order", async () => {
  const queue = createWorkQueue({ concurrency: 2, maxWaiting: 10 });
  const works = Array.from({ length: 4 }, heldWork);
  const results = works.map((work) => queue.run(work.run));
  await Promise.resolve();
  expect(works.map((work) => work.hasStarted())).toEqual([true, true, false, false]);
  expect(queue.waiting()).toBe(2);
  works[1]?.end("second");
  await results[1];
  await expect
    .poll(() => works.map((work) => work.hasStarted()), { timeout: 10_000 })
    .toEqual([true, true, true, false]);
  for (const work of works) work.end("done");
  expect(await Promise.all(results)).toEqual(["done", "second", "done", "done"]);
  expect(queue.waiting()).toBe(0);
});

test("what comes when the queue is full is refused as overloaded and never starts", async () => {
  const queue = createWorkQueue({ concurrency: 1, maxWaiting: 1 });
  const [running, waiting, refused] = [heldWork(), heldWork(), heldWork()];
  const results = [queue.run(running.run), queue.run(waiting.run)];
  await expect(queue.run(refused.run)).rejects.toMatchObject({ code: "overloaded", retryAfterSeconds: 2 });
  running.end("first");
  waiting.end("second");
  expect(await Promise.all(results)).toEqual(["first", "second"]);
  expect(refused.hasStarted()).toBe(false);
});

test("work that fails gives its place to the next", async () => {
  const queue = createWorkQueue({ concurrency: 1, maxWaiting: 1 });
  const [failing, next] = [heldWork(), heldWork()];
  const failed = queue.run(failing.run);
  const followed = queue.run(next.run);
  failing.fail(new Error("no memory"));
  await expect(failed).rejects.toThrow("no memory");
  next.end("went on");
  expect(await followed).toBe("went on");
  await expect(queue.run(async () => "free again")).resolves.toBe("free again");
});
