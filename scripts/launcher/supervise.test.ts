import { expect, it, onTestFinished, vi } from "vitest";
import { restartDelayMs } from "./restart-delay.ts";
import { type Life, type Observer, type Supervised, supervise } from "./supervise.ts";

interface StandIn extends Life {
  becomeReady(): void;
  die(how: string): void;
  readonly asked: string[];
}

function standIn(pid: number): StandIn {
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  const asked: string[] = [];
  return {
    pid,
    asked,
    ready: ready.promise,
    ended: ended.promise,
    becomeReady: () => ready.resolve(),
    die: (how) => {
      ready.promise.catch(() => undefined);
      ready.reject(new Error("it ended before it was ready"));
      ended.resolve(how);
    },
    stop: async () => {
      asked.push("stop");
      ended.resolve("stopped");
    },
    kill: () => asked.push("kill"),
  };
}

interface Stage {
  readonly lives: StandIn[];
  readonly said: string[];
  readonly supervised: Supervised;
}

function stage(): Stage {
  const lives: StandIn[] = [];
  const said: string[] = [];
  const observer: Observer = {
    ready: (name, pid) => said.push(`${name} ready ${pid}`),
    died: (name, how) => said.push(`${name} died: ${how}`),
  };
  const start = async (): Promise<Life> => {
    const life = standIn(lives.length + 1);
    lives.push(life);
    return life;
  };
  return { lives, said, supervised: supervise("part", start, observer) };
}

async function nth(lives: readonly StandIn[], n: number): Promise<StandIn> {
  await expect.poll(() => lives.length, { timeout: 5_000, interval: 10 }).toBe(n);
  return lives[n - 1] as StandIn;
}

it("starts a part that died again, and says so", async () => {
  const { lives, said, supervised } = stage();
  (await nth(lives, 1)).becomeReady();
  await supervised.firstReady;
  lives[0]?.die("it was ended by SIGKILL");
  (await nth(lives, 2)).becomeReady();
  await expect
    .poll(() => said)
    .toEqual(["part ready 1", "part died: it was ended by SIGKILL", "part ready 2"]);
  expect(supervised.pid()).toBe(2);
  await supervised.stop();
});

it("starts nothing after stop, neither at once nor after the wait", async () => {
  const { lives, said, supervised } = stage();
  (await nth(lives, 1)).becomeReady();
  await supervised.firstReady;
  await supervised.stop();
  expect(lives[0]?.asked).toEqual(["stop"]);
  expect(said).toEqual(["part ready 1"]);
  const second = stage();
  (await nth(second.lives, 1)).becomeReady();
  await second.supervised.firstReady;
  second.lives[0]?.die("killed");
  await expect.poll(() => second.said.at(-1)).toContain("died");
  await second.supervised.stop(); // in the middle of the wait
  expect(second.lives).toHaveLength(1);
});

it("does not wait for the next start when it is stopped", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { lives, said, supervised } = stage();
  await vi.advanceTimersByTimeAsync(0);
  lives[0]?.becomeReady();
  await supervised.firstReady;
  lives[0]?.die("killed");
  await vi.advanceTimersByTimeAsync(0);
  expect(said).toContain("part died: killed");
  await supervised.stop(); // no timer runs any more
  expect(lives).toHaveLength(1);
});

it("gives up on a part that was never ready, telling how it ended", async () => {
  const { lives, supervised } = stage();
  for (let n = 1; n <= 3; n += 1) (await nth(lives, n)).die("it ended with code 1");
  await expect(supervised.firstReady).rejects.toThrow("part does not start: it ended with code 1");
  await supervised.stop();
  expect(lives).toHaveLength(3);
});

it("does not give up on a part that was ready once", async () => {
  const { lives, supervised } = stage();
  (await nth(lives, 1)).becomeReady();
  await supervised.firstReady;
  for (let n = 1; n <= 3; n += 1) (await nth(lives, n)).die("killed");
  await nth(lives, 4);
  await supervised.stop();
});

it("waits longer after each death, up to 10 s, and begins anew after half a minute of health", () => {
  const waits: number[] = [];
  for (let wait = 0, n = 0; n < 8; n += 1) {
    wait = restartDelayMs(wait, 50);
    waits.push(wait);
  }
  expect(waits).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  expect(restartDelayMs(10_000, 30_000)).toBe(200);
});
