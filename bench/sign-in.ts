// Sign-ins per second through the user service, beside the password hash alone; and what others notice of them.
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { hash, verify } from "@node-rs/argon2";
import type { SignedIn } from "@sotto/contracts/user-api";
import { createPasswordHasher } from "@sotto/user-service/passwords/password-hasher";
import { createWorkQueue } from "@sotto/user-service/passwords/work-queue";
import type { BenchDatabase } from "./ground.ts";
import { createHttpClient, httpRequest } from "./http-client.ts";
import { spreadOf } from "./percentile.ts";
import { cpuMsOf } from "./process-usage.ts";
import { startProfiling } from "./profile.ts";
import { RefusedFigures, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { type ServiceProcess, startService } from "./service-process.ts";
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

interface HashFloor {
  readonly perS: number;
  /** Processor time of one hash, in milliseconds. */
  readonly cpuMs: number;
}

/** The service's own hash with its own parameters, on all cores, without a service. */
async function measureFloor(seconds: number): Promise<HashFloor> {
  const cores = availableParallelism();
  const queue = createWorkQueue({ concurrency: cores, maxWaiting: cores });
  const hasher = createPasswordHasher({ argon2: { hash, verify }, queue });
  const password = randomBytes(12).toString("hex");
  const phc = await hasher.hash(password);
  const fromCpuMs = cpuMsOf(process.pid);
  let hashed = 0;
  const perS = await ratePerS(cores, seconds, async () => {
    if (!(await hasher.verify(phc, password))) throw new Error("a right password was found wrong");
    hashed += 1;
  });
  return { perS, cpuMs: (cpuMsOf(process.pid) - fromCpuMs) / hashed };
}

interface Person {
  readonly username: string;
  readonly password: string;
}

/** Signs these people in, `AT_ONCE` at a time, for `seconds` after a warm-up; calls `onSignIn` for each. */
async function signInAll(
  service: ServiceProcess,
  people: readonly Person[],
  seconds: number,
  onSignIn: () => void,
): Promise<number> {
  const path = new URL(`${service.url}/api/user/sign-in`);
  const client = createHttpClient(path);
  const requests = people.map((json) => httpRequest(path, { json }));
  const perS = await ratePerS(AT_ONCE, seconds, async (lane) => {
    const index = lane % people.length;
    const { status, body } = await client.ask(requests[index] ?? "");
    const { account, session } = (status === 200 ? JSON.parse(body) : {}) as Partial<SignedIn>;
    if (account?.username !== people[index]?.username || !session?.accessToken || !session.refreshToken)
      throw new RefusedFigures("sign-in", [`a sign-in was answered ${status} ${body}`]);
    onSignIn();
  });
  client.close();
  return perS;
}

/** What a bare program reaches that does nothing but the hash, the two statements and HTTP: see sign-in-server.ts. */
async function measureBare(
  bench: Bench,
  database: BenchDatabase,
  people: readonly Person[],
  seconds: number,
): Promise<number> {
  const server = await startService(bench.ground.cleanup, {
    name: "bare sign-in",
    script: "bench/sign-in-server.ts",
    env: { DATABASE_URL: database.urlFor("user") },
    readyPath: "/",
  });
  const perS = await signInAll(server, people, seconds, () => undefined);
  await server.stop();
  return perS;
}

async function runSignIn(bench: Bench): Promise<void> {
  const { ground, report } = bench;
  const { seconds } = bench.arguments;
  const database = await ground.createDatabase();
  const service = await startUserService(bench, database, RAISED);
  const people = Array.from({ length: ACCOUNTS }, (_, index) => ({
    username: `bench_${index}`,
    password: randomBytes(12).toString("hex"),
  }));
  const register = `${service.url}/api/user/register`;
  const registered = await Promise.all(
    people.map((person) => enter(register, { ...person, email: `${person.username}@example.org` })),
  );
  report.note(`sign-in: ${AT_ONCE} at once, ${seconds} s`);
  const floorBefore = await measureFloor(seconds / 3);
  const profiling = await startProfiling(bench, database);
  const watch = watchMe(service, registered[0]?.session.accessToken ?? "", ME_PER_S);
  const cpuMs = () => [service.cpuMs(), ground.postgresCpuMs(), cpuMsOf(process.pid)] as const;
  let signIns = 0;
  const before = cpuMs();
  const perS = await signInAll(service, people, seconds, () => {
    signIns += 1;
  });
  const [ofService, ofPostgres, ofBench] = cpuMs().map((ms, index) => (ms - (before[index] ?? 0)) / signIns);
  const me = spreadOf(await watch.stop());
  await profiling.endStatements();
  await delay(200);
  const barePerS = await measureBare(bench, database, people, seconds / 2);
  const floorAfter = await measureFloor(seconds / 3);
  const floorPerS = (floorBefore.perS + floorAfter.perS) / 2;
  report.row({
    scenario: "sign-in",
    signInsPerS: round(perS, 1),
    floorPerS: round(floorPerS, 1),
    ratio: round(perS / floorPerS, 3),
    barePerS: round(barePerS, 1),
    bareRatio: round(barePerS / floorPerS, 3),
    ofBare: round(perS / barePerS, 3),
    meP50Ms: round(me.p50Ms, 1),
    meP99Ms: round(me.p99Ms, 1),
    serviceCpuMsPerSignIn: round(ofService ?? Number.NaN, 2),
    hashCpuMs: round((floorBefore.cpuMs + floorAfter.cpuMs) / 2, 2),
    postgresCpuMsPerSignIn: round(ofPostgres ?? Number.NaN, 2),
    benchCpuMsPerSignIn: round(ofBench ?? Number.NaN, 2),
    floorBeforePerS: round(floorBefore.perS, 1),
    floorAfterPerS: round(floorAfter.perS, 1),
  });
  await service.stop();
  profiling.endProfiles();
  await database.drop();
}

export const signIn: Scenario = { title: "sign-in: passwords", run: runSignIn };
