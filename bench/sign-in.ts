// Sign-ins per second through the user service, beside the password hash alone; and what others notice of them.
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { hash, verify } from "@node-rs/argon2";
import { createPasswordHasher } from "@sotto/user-service/passwords/password-hasher";
import { createWorkQueue } from "@sotto/user-service/passwords/work-queue";
import { spreadOf } from "./percentile.ts";
import { cpuMsOf } from "./process-usage.ts";
import { round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { enter, startUserService, watchMe } from "./user-service.ts";

const ACCOUNTS = 16;
/** People who sign in at the same moment, again and again. */
const AT_ONCE = 16;
const ME_PER_S = 50;
const WARM_UP_MS = 1000;
/** Limits that so many sign-ins from one address would meet. */
const RAISED = ["sign-in.address", "sign-in.account", "register.address", "request.account"];

/** Runs `work` in `lanes` loops for `seconds` after a warm-up; answers how often it ended, per second. */
async function ratePerS(
  lanes: number,
  seconds: number,
  work: (lane: number) => Promise<void>,
): Promise<number> {
  const fromMs = performance.now() + WARM_UP_MS;
  const toMs = fromMs + seconds * 1000;
  let done = 0;
  const loop = async (_: unknown, lane: number): Promise<void> => {
    while (performance.now() < toMs) {
      await work(lane);
      const nowMs = performance.now();
      if (nowMs >= fromMs && nowMs < toMs) done += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, loop));
  return done / seconds;
}

/** The service's own hash with its own parameters, on all cores, without a service. */
async function measureFloor(seconds: number): Promise<number> {
  const cores = availableParallelism();
  const queue = createWorkQueue({ concurrency: cores, maxWaiting: cores });
  const hasher = createPasswordHasher({ argon2: { hash, verify }, queue });
  const password = randomBytes(12).toString("hex");
  const phc = await hasher.hash(password);
  return await ratePerS(cores, seconds, async () => {
    if (!(await hasher.verify(phc, password))) throw new Error("a right password was found wrong");
  });
}

async function runSignIn(bench: Bench): Promise<void> {
  const {
    ground,
    report,
    arguments: { seconds },
  } = bench;
  const database = await ground.createDatabase();
  const service = await startUserService(bench, database, RAISED);
  const people = Array.from({ length: ACCOUNTS }, (_, index) => ({
    username: `bench_${index}`,
    password: randomBytes(12).toString("hex"),
  }));
  const path = `${service.url}/api/user`;
  const registered = await Promise.all(
    people.map((person) => enter(`${path}/register`, { ...person, email: `${person.username}@example.org` })),
  );
  report.note(`sign-in: ${AT_ONCE} at once, ${seconds} s`);
  const floorBefore = await measureFloor(seconds / 3);
  const watch = watchMe(service, registered[0]?.session.accessToken ?? "", ME_PER_S);
  const cpuMs = () => ({
    service: service.cpuMs(),
    postgres: ground.postgresCpuMs(),
    bench: cpuMsOf(process.pid),
  });
  const before = cpuMs();
  const perS = await ratePerS(AT_ONCE, seconds, async (lane) => {
    await enter(`${path}/sign-in`, people[lane % ACCOUNTS] ?? {});
  });
  const after = cpuMs();
  const me = spreadOf(await watch.stop());
  await delay(200);
  const floorAfter = await measureFloor(seconds / 3);
  const floorPerS = (floorBefore + floorAfter) / 2;
  report.row({
    scenario: "sign-in",
    signInsPerS: round(perS, 1),
    floorPerS: round(floorPerS, 1),
    ratio: round(perS / floorPerS, 3),
    meP50Ms: round(me.p50Ms, 1),
    meP99Ms: round(me.p99Ms, 1),
    serviceCpuMsPerSignIn: round(
      (after.service - before.service) / (perS * (seconds + WARM_UP_MS / 1000)),
      2,
    ),
    postgresCpuMsPerSignIn: round(
      (after.postgres - before.postgres) / (perS * (seconds + WARM_UP_MS / 1000)),
      2,
    ),
    benchCpuMsPerSignIn: round((after.bench - before.bench) / (perS * (seconds + WARM_UP_MS / 1000)), 2),
    floorBeforePerS: round(floorBefore, 1),
    floorAfterPerS: round(floorAfter, 1),
  });
  await service.stop();
  await database.drop();
}

export const signIn: Scenario = { title: "sign-in: passwords", run: runSignIn };
