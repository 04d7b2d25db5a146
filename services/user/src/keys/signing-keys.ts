import { AppError } from "@sotto/platform/app-error";
import { type CryptoKey, importJWK } from "jose";
import type { UserContext } from "../context.ts";
import { type KeepDeps, keepSigningKeys } from "./keep-signing-keys.ts";
import { chooseSigner, isAccepted, isRotationDue, type KeyTimes } from "./key-schedule.ts";
import { openSigningKeys } from "./open-signing-keys.ts";

import { type PublishedKey, publicHalf } from "./signing-key.ts";
import { listSigningKeys } from "./signing-key-queries.ts";

type LoadedKey = KeyTimes & {
  readonly published: PublishedKey;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
};

export type SigningKeys = {
  /** The key that signs now. @throws AppError `unavailable` when the database cannot be asked. */
  signer(): Promise<{ kid: string; privateKey: CryptoKey }>;
  /** Public halves of the keys whose tokens are accepted, and of the next one. @throws as `signer` */
  published(): Promise<PublishedKey[]>;
  /** The public half of an accepted key; asks the database for one that is unknown, at most every 5 s. @throws as `signer` */
  find(kid: string): Promise<CryptoKey | undefined>;
  /** Reads the table again, and rotates when that is due. Several calls at once read once. */
  reload(): Promise<void>;
};

type Deps = KeepDeps & Pick<UserContext, "db" | "log">;

const UNKNOWN_COOLDOWN_MS = 5000;

/** The signing keys of this installation, as this service knows them: read from the database when first needed. */
export function createSigningKeys(deps: Deps): SigningKeys {
  const reported = new Set<string>();
  let loaded: readonly LoadedKey[] = [];
  let loading: Promise<void> | undefined;
  let loadedAtMs = Number.NEGATIVE_INFINITY;

  const reload = (): Promise<void> => {
    loading ??= load(deps, reported)
      .then((keys) => {
        loaded = keys;
        loadedAtMs = deps.clock.monotonicMs();
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };
  const accepted = () => loaded.filter((key) => isAccepted(key, deps.clock.now()));
  const ensureLoaded = async (): Promise<void> => {
    if (accepted().length > 0) return;
    await reload().catch((error: unknown) => {
      throw new AppError("unavailable", "The signing keys cannot be read now.", {
        cause: error,
        retryAfterSeconds: 2,
      });
    });
  };
  const known = (kid: string) => accepted().find((key) => key.published.kid === kid)?.publicKey;

  return {
    reload,
    async signer() {
      await ensureLoaded();
      const key = chooseSigner(loaded, deps.clock.now());
      if (!key) throw new AppError("unavailable", "There is no signing key.", { retryAfterSeconds: 2 });
      return { kid: key.published.kid, privateKey: key.privateKey };
    },
    async published() {
      await ensureLoaded();
      return accepted().map((key) => key.published);
    },
    async find(kid) {
      await ensureLoaded();
      const found = known(kid);
      if (found || deps.clock.monotonicMs() - loadedAtMs < UNKNOWN_COOLDOWN_MS) return found;
      // Whatever comes of it: the keys that are known go on.
      await reload().catch((error: unknown) =>
        deps.log.warn({ err: error }, "the signing keys cannot be read"),
      );
      return known(kid);
    },
  };
}

async function load(deps: Deps, reported: Set<string>): Promise<LoadedKey[]> {
  const rows = openSigningKeys(deps, await listSigningKeys(deps.db));
  for (const { kid, key } of rows) {
    if (key || reported.has(kid)) continue;
    reported.add(kid);
    deps.log.error(
      { kid },
      "a signing key in the database was sealed by another ACCOUNT_SECRET than this service has; it is ignored",
    );
  }
  const now = deps.clock.now();
  const own = rows.filter((row) => row.key);
  if (!isRotationDue(own, now, deps.signingKeyDays) && rows.every((row) => isAccepted(row, now))) {
    return Promise.all(own.flatMap(toLoaded));
  }
  const made = await deps.db.transaction().execute((tx) => keepSigningKeys(tx, deps));
  if (made) deps.log.info({ kid: made }, "a new signing key was made");
  return Promise.all(openSigningKeys(deps, await listSigningKeys(deps.db)).flatMap(toLoaded));
}

function toLoaded({ key, signsFrom, retiresAt }: ReturnType<typeof openSigningKeys>[number]) {
  if (!key) return [];
  const published = publicHalf(key);
  return [
    (async (): Promise<LoadedKey> => ({
      ...{ signsFrom, retiresAt, published },
      privateKey: (await importJWK({ ...key, key_ops: ["sign"] }, "EdDSA")) as CryptoKey,
      publicKey: (await importJWK(published, "EdDSA")) as CryptoKey,
    }))(),
  ];
}
