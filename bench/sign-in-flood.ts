// What ordinary requests notice of a flood of wrong passwords: from one address, and from as many as there are requests.
import { randomBytes } from "node:crypto";
import { spreadOf } from "./percentile.ts";
import { RefusedFigures, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import type { ServiceProcess } from "./service-process.ts";
import { createMeAsker, enter, postJson, startUserService, watchMe } from "./user-service.ts";

/** Of the flood from everywhere each request is worth a hash to the service. */
const FLOOD = { "one address": 5000, everywhere: 1000 } as const;
type Source = keyof typeof FLOOD;
/** Connections of the flood. */
const AT_ONCE = 16;
const CAPACITY_LANES = 16;
const CAPACITY_MS = 3000;
/** Share of what the service can answer that ordinary requests ask for. */
const ORDINARY_LOAD = 0.2;
/** The watch beside no flood. */
const QUIET_MS = 3000;
/** Timers are no finer. */
const MAX_WATCH_PER_S = 500;

/** How many `GET /me` the service answers in a second when nothing else happens. */
async function measureCapacity(service: ServiceProcess, token: string): Promise<number> {
  const untilMs = performance.now() + CAPACITY_MS;
  let answered = 0;
  const me = createMeAsker(service, token);
  const lane = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      await me.ask();
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: CAPACITY_LANES }, lane));
  me.close();
  return (answered * 1000) / CAPACITY_MS;
}

/** Sends the flood as fast as it is answered; how often each status was the answer, and how long it took. */
async function flood({ url }: ServiceProcess, from: Source) {
  const statuses = new Map<number, number>();
  const fromMs = performance.now();
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < FLOOD[from]) {
      const number = sent++;
      const address = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
      const headers: Record<string, string> = from === "everywhere" ? { "X-Forwarded-For": address } : {};
      const body = { username: `flooded_${number % 1000}`, password: randomBytes(9).toString("hex") };
      const answer = await postJson(`${url}/api/user/sign-in`, body, headers);
      await answer.arrayBuffer();
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return { statuses, tookS: (performance.now() - fromMs) / 1000 };
}

async function watchDuring<T>(
  watched: { service: ServiceProcess; token: string; perS: number },
  work: () => Promise<T>,
) {
  const watch = watchMe(watched.service, watched.token, watched.perS);
  const result = await work();
  return { result, spread: spreadOf(await watch.stop()) };
}

async function runFlood(bench: Bench): Promise<void> {
  const { ground, report } = bench;
  const database = await ground.createDatabase();
  const service = await startUserService(bench, database, ["request.account"]);
  const person = { username: "ordinary", password: randomBytes(12).toString("hex") };
  const { session } = await enter(`${service.url}/api/user/register`, { ...person, email: "a@example.org" });
  const token = session.accessToken ?? "";
  const capacityPerS = await measureCapacity(service, token);
  const perS = Math.min(MAX_WATCH_PER_S, capacityPerS * ORDINARY_LOAD);
  const watched = { service, token, perS };
  const quiet = await watchDuring(watched, () => new Promise((resolve) => setTimeout(resolve, QUIET_MS)));
  for (const from of Object.keys(FLOOD) as Source[]) {
    report.note(`sign-in-flood: ${FLOOD[from]} from ${from}`);
    const { result, spread } = await watchDuring(watched, () => flood(service, from));
    if (result.statuses.has(200) || result.statuses.has(500)) {
      throw new RefusedFigures("sign-in-flood", ["a wrong password was answered by 200 or 500"]);
    }
    report.row({
      scenario: "sign-in-flood",
      from,
      floodPerS: round(FLOOD[from] / result.tookS),
      wrong: result.statuses.get(401) ?? 0,
      limited: result.statuses.get(429) ?? 0,
      overloaded: result.statuses.get(503) ?? 0,
      mePerS: round(perS),
      meP50Ms: round(spread.p50Ms, 1),
      meP99Ms: round(spread.p99Ms, 1),
      quietP50Ms: round(quiet.spread.p50Ms, 1),
      quietP99Ms: round(quiet.spread.p99Ms, 1),
    });
  }
  await service.stop();
  await database.drop();
}

export const signInFlood: Scenario = { title: "sign-in-flood: wrong passwords", run: runFlood };
