// The user service as a process of its own, and what others notice of it meanwhile.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { type SignedIn, signedIn } from "@sotto/contracts/user-api";
import type { BenchDatabase } from "./ground.ts";
import { createHttpClient, httpRequest } from "./http-client.ts";
import { RefusedFigures } from "./report.ts";
import type { Bench } from "./scenario.ts";
import { type ServiceProcess, startService } from "./service-process.ts";

/** So far up that nobody meets it, though it costs what a limit costs: everybody is behind one address here. */
const OUT_OF_REACH = { burst: 1_000_000, perMinute: 60_000 };

/** The public half of a key that nobody keeps, as a JWK. */
function newSealKey(): string {
  const { publicKey } = generateKeyPairSync("x25519");
  return JSON.stringify({ ...publicKey.export({ format: "jwk" }), kid: "bench" });
}

/** With the limits of `raised` out of reach. */
export function startUserService(
  { ground, arguments: { profileDir } }: Bench,
  database: BenchDatabase,
  raised: readonly string[],
): Promise<ServiceProcess> {
  return startService(ground.cleanup, {
    name: "user",
    script: "services/user/src/main.ts",
    env: {
      DATABASE_URL: database.urlFor("user"),
      PUBLIC_URL: "http://localhost:8080",
      // So that the clients of a scenario can have addresses of their own.
      TRUSTED_PROXIES: "127.0.0.1",
      ACCOUNT_SECRET: randomBytes(32).toString("base64url"),
      NOTIFICATION_SEAL_KEY: newSealKey(),
      RATE_LIMITS: JSON.stringify(Object.fromEntries(raised.map((name) => [name, OUT_OF_REACH]))),
    },
    profileDir,
  });
}

export function postJson(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** Registers or signs in; what is refused leaves no figures. */
export async function enter(url: string, body: object): Promise<SignedIn> {
  const answer = await postJson(url, body);
  if (!answer.ok) throw new RefusedFigures("sign-in", [`${url} answered ${answer.status}`]);
  return signedIn.parse(await answer.json());
}

/** Asks for the own account, once with each call of `ask`; answers how long that took, in milliseconds. */
export function createMeAsker(
  { url }: ServiceProcess,
  token: string,
): { ask(): Promise<number>; close(): void } {
  const path = new URL(`${url}/api/user/me`);
  const client = createHttpClient(path);
  const request = httpRequest(path, { token });
  return {
    async ask() {
      const fromMs = performance.now();
      const { status } = await client.ask(request);
      if (status !== 200) throw new RefusedFigures("sign-in", [`/me answered ${status}`]);
      return performance.now() - fromMs;
    },
    close: client.close,
  };
}

/** Asks for the own account so many times a second until stopped; answers how long that took each time. */
export function watchMe(
  service: ServiceProcess,
  token: string,
  perS: number,
): { stop(): Promise<readonly number[]> } {
  const samplesMs: number[] = [];
  const me = createMeAsker(service, token);
  const asking = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const one = me
      .ask()
      .then((tookMs) => void samplesMs.push(tookMs))
      .finally(() => asking.delete(one));
    asking.add(one);
  }, 1000 / perS);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(asking);
      me.close();
      return samplesMs;
    },
  };
}
