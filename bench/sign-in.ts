// Sign-ins per second through the user service, beside the password hash alone; and what others notice of them.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { hash, verify } from "@node-rs/argon2";
import { type SignedIn, signedIn } from "@sotto/contracts/user-api";
import { createPasswordHasher } from "@sotto/user-service/passwords/password-hasher";
import { createWorkQueue } from "@sotto/user-service/passwords/work-queue";
import type { BenchDatabase } from "./ground.ts";
import { spreadOf } from "./percentile.ts";
import { RefusedFigures, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { type ServiceProcess, startService } from "./service-process.ts";

const ACCOUNTS = 16;
/** People who sign in at the same moment, again and again. */
const AT_ONCE = 16;
const ME_EVERY_MS = 20;
const WARM_UP_MS = 1000;

/** The public half of a key that nobody keeps, as a JWK. */
function newSealKey(): string {
  const { publicKey } = generateKeyPairSync("x25519");
  return JSON.stringify({ ...publicKey.export({ format: "jwk" }), kid: "bench" });
}

function startUserService({ ground, arguments: { profileDir } }: Bench, database: BenchDatabase) {
  return startService(ground.cleanup, {
    name: "user",
    script: "services/user/src/main.ts",
    env: {
      DATABASE_URL: database.urlFor("user"),
      PUBLIC_URL: "http://localhost:8080",
      ACCOUNT_SECRET: randomBytes(32).toString("base64url"),
      NOTIFICATION_SEAL_KEY: newSealKey(),
    },
    profileDir,
  });
}

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

async function post(url: string, body: object): Promise<SignedIn> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new RefusedFigures("sign-in", [`${url} answered ${answer.status}`]);
  return signedIn.parse(await answer.json());
}

/** Asks for the own account at fixed distances of time until stopped; answers how long that took each time. */
function watchMe({ url }: ServiceProcess, token: string): { stop(): Promise<readonly number[]> } {
  const samplesMs: number[] = [];
  const asking = new Set<Promise<void>>();
  const ask = async (dueMs: number): Promise<void> => {
    const answer = await fetch(`${url}/api/user/me`, { headers: { Authorization: `Bearer ${token}` } });
    await answer.arrayBuffer();
    if (!answer.ok) throw new RefusedFigures("sign-in", [`/me answered ${answer.status}`]);
    samplesMs.push(performance.now() - dueMs);
  };
  const timer = setInterval(() => {
    const one = ask(performance.now()).finally(() => asking.delete(one));
    asking.add(one);
  }, ME_EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(asking);
      return samplesMs;
    },
  };
}

async function runSignIn(bench: Bench): Promise<void> {
  const {
    ground,
    report,
    arguments: { seconds },
  } = bench;
  const database = await ground.createDatabase();
  const service = await startUserService(bench, database);
  const people = Array.from({ length: ACCOUNTS }, (_, index) => ({
    username: `bench_${index}`,
    password: randomBytes(12).toString("hex"),
  }));
  const path = `${service.url}/api/user`;
  const registered = await Promise.all(
    people.map((person) => post(`${path}/register`, { ...person, email: `${person.username}@example.org` })),
  );
  report.note(`sign-in: ${AT_ONCE} at once, ${seconds} s`);
  const floorBefore = await measureFloor(seconds / 3);
  const watch = watchMe(service, registered[0]?.session.accessToken ?? "");
  const perS = await ratePerS(AT_ONCE, seconds, async (lane) => {
    await post(`${path}/sign-in`, people[lane % ACCOUNTS] ?? {});
  });
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
    floorBeforePerS: round(floorBefore, 1),
    floorAfterPerS: round(floorAfter, 1),
  });
  await service.stop();
  await database.drop();
}

export const signIn: Scenario = { title: "sign-in: passwords", run: runSignIn };
