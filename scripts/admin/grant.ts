import type { OperatorRole } from "@sotto/contracts/operator-api";
import { systemClock } from "@sotto/platform/clock";
import { createDatabase } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { grantRole } from "@sotto/user-service/operators/grant-role";
import { findDatabaseUrl, type Surroundings } from "../launcher/running-installation.ts";

/** Gives a role by the database itself: DATABASE_URL, or that of a running `npm start`. Answers the former role. */
export async function grantByDatabase(
  granted: { username: string; role: OperatorRole },
  surroundings: Surroundings,
): Promise<OperatorRole | null> {
  const log = createLogger({ service: "admin", level: "fatal" });
  const { db, close } = createDatabase<AccountDatabase>({
    url: findDatabaseUrl("user", surroundings),
    ...{ max: 1, applicationName: "sotto-admin", log },
    // The owner of the database is not the service, whose search path this is.
    settings: { search_path: "account" },
  });
  try {
    return await grantRole({ db, clock: systemClock, ids: systemIds }, granted);
  } finally {
    await close();
  }
}
