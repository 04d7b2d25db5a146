import type { RegisterDeviceRequest } from "@sotto/contracts/device-api";
import type { SignedIn } from "@sotto/contracts/user-api";
import { createAccount } from "@sotto/e2ee/account";
import { createDevice, type DeviceRegistration } from "@sotto/e2ee/device";
import { signWithIdentity } from "@sotto/e2ee/identity";
import type { Transaction } from "@sotto/e2ee/store";
import { createChatApi } from "../api/chat-api.ts";
import type { Http } from "../api/http.ts";
import { bearer, type Credentials, type NewAccount, type UserApi } from "../api/user-api.ts";
import { toBase64, toUtf8 } from "../bytes.ts";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import { findOwnAccount, putOwnAccount } from "../rows/account-rows.ts";
import { getPerson, putPerson } from "../rows/person-rows.ts";
import { hasCode, SottoError } from "../sotto-error.ts";
import { askApplication } from "./ask-application.ts";
import { type AskSecondFactor, type GetPasskey, proveSecondFactor } from "./prove-second-factor.ts";
import type { SessionKeeper } from "./session-keeper.ts";

export type SignInCredentials = Credentials & {
  /** Asked when the account has a second factor, and again (three times in all) when a code was wrong. */
  readonly secondFactor?: AskSecondFactor;
};

type Deps = Pick<ClientContext, "clock" | "store" | "transact" | "chat" | "uuid"> & {
  readonly http: Http;
  readonly user: UserApi;
  readonly session: SessionKeeper;
};

/**
 * Makes an account, and the keys of its first device, in a store that has none. When the answer of the server is lost
 * the account exists and `signIn` finishes the work. Throws `already_signed_in`, `store_other_account`, and what the
 * server refuses.
 */
export async function register(deps: Deps, account: NewAccount): Promise<void> {
  if (deps.session.current !== undefined) {
    throw new SottoError("already_signed_in", "This store is signed in; sign out first");
  }
  if ((await findOwnAccount(deps.store)) !== undefined) throw otherAccount();
  const answer = await deps.user.register(account);
  await adopt(deps, answer);
  await ensureDevice(deps);
}

/**
 * Signs in by a password, and by a second factor where the account has one. The keys of this store stay and its device
 * is bound to the new session. An account without any device gets its first one here. Throws `store_other_account`,
 * `device_not_linked`, what `proveSecondFactor` throws, and what the server refuses.
 */
export async function signIn(deps: Deps, { secondFactor, ...credentials }: SignInCredentials): Promise<void> {
  const answer = await deps.user.signIn(credentials);
  const isDone = "session" in answer;
  await enter(deps, isDone ? answer : await proveSecondFactor(deps.user, answer, secondFactor));
}

/** Signs in by a passkey alone, otherwise as `signIn` does. Throws `cancelled` when there comes no passkey. */
export async function signInWithPasskey(deps: Deps, getPasskey: GetPasskey): Promise<void> {
  const { challenge, options } = await deps.user.passkeyChallenge();
  const response = await askApplication(() => getPasskey(options));
  await enter(deps, await deps.user.signInWithPasskey(challenge, response));
}

async function enter(deps: Deps, answer: SignedIn): Promise<void> {
  try {
    await refuseForeignAccount(deps, answer);
  } catch (error) {
    await endUnusedSession(deps, answer);
    throw error;
  }
  await adopt(deps, answer);
  await ensureDevice(deps);
}

function otherAccount(): SottoError {
  return new SottoError("store_other_account", "This store holds another account: use a store of its own");
}

async function refuseForeignAccount(deps: Deps, { account, session }: SignedIn): Promise<void> {
  const own = await findOwnAccount(deps.store);
  if (own !== undefined) {
    if (own.accountId !== account.accountId) throw otherAccount();
    return;
  }
  // Not through the session keeper: this session is not the store's yet.
  const chat = createChatApi((request, headers = {}) =>
    deps.http.request(request, { ...headers, ...bearer(session.accessToken ?? "") }),
  );
  if ((await chat.listOwnDeviceIds()).length > 0) {
    throw new SottoError("device_not_linked", "The keys of this account are on another device");
  }
}

/** The error that led here is the one to report, whatever becomes of the session that nobody will use. */
async function endUnusedSession({ user }: Deps, { session }: SignedIn): Promise<void> {
  await user.signOut(session.accessToken ?? "").catch(() => undefined);
}

/** Account, device keys and session become durable together. */
async function adopt(deps: Deps, { account, session }: SignedIn): Promise<void> {
  const { accountId, username } = account;
  await deps.transact(async (tx) => {
    if ((await findOwnAccount(tx)) === undefined) await makeDevice(tx, deps, { accountId, username });
    deps.session.store(tx, session);
  });
  await deps.session.load();
}

async function makeDevice(
  tx: Transaction,
  { clock, uuid }: Pick<Deps, "clock" | "uuid">,
  { accountId, username }: { accountId: string; username: string },
): Promise<void> {
  const deviceId = uuid();
  await createAccount(tx);
  const registration = await createDevice(tx, { accountId, deviceId, now: clock.now() });
  putOwnAccount(tx, { accountId, username, deviceId, registration: toWireRegistration(registration) });
  putPerson(tx, { ...(await getPerson(tx, accountId)), username });
}

/** What a new device uploads, as the wire has it. */
export function toWireRegistration(registration: DeviceRegistration): RegisterDeviceRequest {
  const { deviceId, registrationId, deviceList } = registration;
  return {
    deviceId,
    registrationId,
    identityKey: toBase64(registration.identityKey),
    signedPrekey: toWirePrekey(registration.signedPrekey),
    lastResortKemPrekey: toWirePrekey(registration.lastResortKemPrekey),
    oneTimePrekeys: registration.oneTimePrekeys.map(({ keyId, publicKey }) => ({
      keyId,
      publicKey: toBase64(publicKey),
    })),
    oneTimeKemPrekeys: registration.oneTimeKemPrekeys.map(toWirePrekey),
    accountKey: toBase64(registration.accountKey),
    deviceList: { bytes: toBase64(deviceList.bytes), signature: toBase64(deviceList.signature) },
  };
}

type SignedKey = { readonly keyId: number; readonly publicKey: Uint8Array; readonly signature: Uint8Array };

/** A signed prekey as the wire has it. */
export function toWirePrekey({ keyId, publicKey, signature }: SignedKey) {
  return { keyId, publicKey: toBase64(publicKey), signature: toBase64(signature) };
}

/**
 * Uploads the keys of a new device, and binds the device to the session, unless the server has confirmed both before.
 * May be repeated at any time: this is how a crash in the middle is mended. `isForced` binds in any case, for when the
 * server says that the device is not bound.
 */
export async function ensureDevice(
  deps: Pick<Deps, "store" | "transact" | "chat" | "session">,
  { isForced = false }: { readonly isForced?: boolean } = {},
): Promise<void> {
  const account = await getOwnAccount(deps.store);
  const sessionId = deps.session.current?.sessionId;
  if (sessionId === undefined) throw new SottoError("not_signed_in", "Sign in first");
  const isDone = account.registration === undefined && account.boundSessionId === sessionId;
  if (isDone && !isForced) return;
  if (account.registration !== undefined) await uploadRegistration(deps.chat, account.registration);
  await bindDevice(deps, account.deviceId, sessionId);
  const { registration: _confirmed, ...confirmed } = account;
  await deps.transact(async (tx) => putOwnAccount(tx, { ...confirmed, boundSessionId: sessionId }));
}

async function uploadRegistration(
  chat: ClientContext["chat"],
  registration: RegisterDeviceRequest,
): Promise<void> {
  try {
    await chat.registerDevice(registration);
  } catch (cause) {
    if (!hasCode(cause, "device_list_conflict")) throw cause;
    // Another device of this account was registered first, and did not approve this one.
    throw new SottoError("device_not_linked", "The keys of this account are on another device", { cause });
  }
}

async function bindDevice(
  { transact, chat }: Pick<Deps, "transact" | "chat">,
  deviceId: string,
  sessionId: string,
): Promise<void> {
  const proof = await transact((tx) =>
    signWithIdentity(tx, "sotto/device-session/1", toUtf8(`${deviceId}\n${sessionId}`)),
  );
  await chat.bindDevice(deviceId, toBase64(proof));
}
