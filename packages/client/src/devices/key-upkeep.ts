import { LOW_PREKEYS, type UploadPrekeysRequest } from "@sotto/contracts/device-api";
import { limits } from "@sotto/contracts/limits";
import {
  dropExpiredPrekeys,
  isRotationDue,
  keyDigest,
  replenishPrekeys,
  rotateSignedPrekeys,
} from "@sotto/e2ee/upkeep";
import { toBase64 } from "../bytes.ts";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import { toWirePrekey } from "../session/sign-in.ts";
import { hasCode } from "../sotto-error.ts";

type Deps = Pick<ClientContext, "clock" | "store" | "transact" | "chat">;

/**
 * Keeps the keys at the server fresh and enough: rotates the signed ones every two days, and when the server holds
 * others than this device (an upload that was lost, a restored database); refills one-time keys that run low.
 * One-time keys are made anew for every upload: repeating one whose answer was lost could publish a used key again.
 */
export async function tendKeys(deps: Deps): Promise<void> {
  const { deviceId } = await getOwnAccount(deps.store);
  if ((await isDue(deps)) || !(await isServerAgreed(deps, deviceId))) await rotate(deps, deviceId);
  const { ec, kem } = await deps.chat.prekeyStock(deviceId);
  if (ec < LOW_PREKEYS || kem < LOW_PREKEYS) await refill(deps, deviceId, { ec, kem });
  await deps.transact((tx) => dropExpiredPrekeys(tx, deps.clock.now()));
}

function isDue({ transact, clock }: Deps): Promise<boolean> {
  return transact((tx) => isRotationDue(tx, clock.now()));
}

async function isServerAgreed({ transact, chat }: Deps, deviceId: string): Promise<boolean> {
  const digest = await transact(keyDigest);
  try {
    await chat.checkPrekeys(deviceId, toBase64(digest));
    return true;
  } catch (error) {
    if (hasCode(error, "key_digest_mismatch")) return false;
    throw error;
  }
}

async function rotate({ transact, chat, clock }: Deps, deviceId: string): Promise<void> {
  const made = await transact((tx) => rotateSignedPrekeys(tx, clock.now()));
  await chat.uploadPrekeys(deviceId, {
    signedPrekey: toWirePrekey(made.signedPrekey),
    lastResortKemPrekey: toWirePrekey(made.lastResortKemPrekey),
  });
}

async function refill(
  { transact, chat }: Deps,
  deviceId: string,
  left: { ec: number; kem: number },
): Promise<void> {
  const ec = left.ec < LOW_PREKEYS ? limits.oneTimePrekeys : 0;
  const kem = left.kem < LOW_PREKEYS ? limits.oneTimeKemPrekeys : 0;
  const made = await transact((tx) => replenishPrekeys(tx, { ec, kem }));
  const upload: UploadPrekeysRequest = {};
  if (ec > 0) {
    upload.oneTimePrekeys = made.oneTimePrekeys.map(({ keyId, publicKey }) => ({
      keyId,
      publicKey: toBase64(publicKey),
    }));
  }
  if (kem > 0) upload.oneTimeKemPrekeys = made.oneTimeKemPrekeys.map(toWirePrekey);
  await chat.uploadPrekeys(deviceId, upload);
}
