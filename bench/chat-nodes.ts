import type { BenchDatabase } from "./ground.ts";
import type { Bench } from "./scenario.ts";
import { type ServiceProcess, startService } from "./service-process.ts";

/** The generator stands for thousands of people: limits that are made for one would be all that it measures. */
const UNLIMITED = {
  RATE_LIMITS: JSON.stringify({ "*": "off" }),
  MAILBOX_ENVELOPES: "100000000",
};

/** Chat services as `npm start` runs them, `count` of them. */
export async function startChatNodes(
  { ground, arguments: { profileDir } }: Bench,
  database: BenchDatabase,
  count: number,
): Promise<ServiceProcess[]> {
  const start = (number: number): Promise<ServiceProcess> =>
    startService(ground.cleanup, {
      name: `chat-${number}`,
      script: "services/chat/src/main.ts",
      env: {
        ...UNLIMITED,
        NODE_NAME: `chat-${number}`,
        DATABASE_URL: database.urlFor("chat"),
        JWKS_URL: ground.tokens.jwksUrl,
        PUBLIC_URL: "http://localhost:8080",
      },
      profileDir,
    });
  return await Promise.all(Array.from({ length: count }, (_, index) => start(index + 1)));
}
