import type { PrekeyStock } from "@sotto/contracts/device-api";
import type { CloseReason } from "@sotto/contracts/socket-events";
import type { Clock } from "@sotto/platform/clock";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Ids } from "@sotto/platform/ids";
import type { Limits } from "@sotto/platform/limits";
import type { TokenVerifier } from "@sotto/platform/token-verifier";
import type { Kysely } from "kysely";
import type { ChatLimit } from "../limits.ts";

/** A device as far as one session acted as it. */
export type DeviceSession = { readonly deviceId: string; readonly sessionId: string };

/** What the use cases of devices and prekeys need; the context of the chat service has it all. */
export interface DeviceContext {
  readonly db: Kysely<ChatDatabase>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly verifier: TokenVerifier;
  /** Origin of the pages that may act by cookie. */
  readonly publicOrigin: string;
  /**
   * Claims are counted by calling device and target device. Changes by account and kind: a change waits for the messages
   * of the account that are being stored, and messages for it.
   */
  readonly limits: Limits<ChatLimit>;
  /** Tells a device, wherever it is connected, that its one-time keys run out. Best effort: it also asks by itself. */
  keysLow(deviceId: string, stock: PrekeyStock): void;
  /**
   * Ends the connections of one session of a device, wherever they are. Called after the commit that took its rights.
   * The word may arrive late, when the device is connected by another session: that connection stays.
   */
  closeDevice(ended: DeviceSession, reason: CloseReason): void;
}
