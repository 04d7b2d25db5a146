// The notification service in the test's own process, over a real database and with tokens that it believes.
import { startTokenMaker } from "@sotto/testkit/access-tokens";
import { createTestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import { parseNotificationConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { newVapidKey } from "./push/vapid-key-fixture.ts";
import { newSealKeys } from "./seal-key-fixture.ts";

export type NotificationWorld = Awaited<ReturnType<typeof startNotification>>;

/** `env`: settings beside, or instead of, the usual ones. Nothing is sent: there is no mail server. */
export async function startNotification(env: Readonly<Record<string, string>> = {}) {
  const [database, tokens] = await Promise.all([createTestDatabase(), startTokenMaker()]);
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const context = createContext(
    parseNotificationConfig({
      PORT: "0",
      LOG_LEVEL: "fatal",
      DATABASE_URL: database.urlFor("notification"),
      SMTP_URL: "smtp://127.0.0.1:1",
      MAIL_FROM: "no-reply@example.org",
      PUBLIC_URL: "http://localhost:8080",
      JWKS_URL: tokens.jwksUrl,
      SEAL_KEY: JSON.stringify(newSealKeys().sealKey),
      VAPID_PRIVATE_KEY: newVapidKey(),
      ...env,
    }),
  );
  const close = async (): Promise<void> => {
    await context.close();
    await owner.end();
    await tokens.close();
    await database.drop();
  };
  return { database, tokens, owner, context, close };
}
