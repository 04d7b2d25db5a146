import type { PrekeyStock } from "@sotto/contracts/device-api";
import type { SottoError } from "./sotto-error.ts";

/**
 * `offline` waits for its next try; `syncing` is connected and reads what waited; `live` has read it all. In
 * `signed-out`, `superseded` and `closed` nothing goes on by itself: `signIn` leaves the first two.
 */
export type ClientStatus =
  | "signed-out"
  | "connecting"
  | "syncing"
  | "live"
  | "offline"
  | "superseded"
  | "closed";

/** What `client.on` can listen to. */
export type ClientEvents = {
  status: { readonly status: ClientStatus };
  typing: { readonly conversationId: string; readonly accountId: string; readonly active: boolean };
  /** Contacts, blocks or privacy settings have changed: fetch them again. A change while offline is not told. */
  "people-changed": Readonly<Record<never, never>>;
  /** The list of notifications has changed; `unread` is what it held unread then. A change while offline is not told. */
  "notifications-changed": { readonly unread: number };
  /** The server dropped something for this device at this time: messages may be missing. */
  gap: { readonly gap: string };
  /** The server shows another account key for a known person. Nothing is sent to them until it is accepted. */
  "identity-changed": { readonly accountId: string; readonly username?: string | undefined };
  accepted: { readonly messageId: string; readonly conversationId: string; readonly acceptedAt: string };
  /** The server, or this device, refused a message for good. It stays in the history as `refused`. */
  refused: { readonly messageId: string; readonly conversationId: string; readonly error: SottoError };
  /** Something came that could not be opened; the history shows a placeholder. `problem` is a code. */
  undecryptable: {
    readonly messageId: string;
    readonly conversationId: string;
    readonly senderAccountId: string;
    readonly problem: string;
  };
  "keys-low": PrekeyStock;
  /** The session ended without `signOut()`; keys and history stay. */
  "signed-out": { readonly error: SottoError };
  /** Background work failed and will be tried again, or a listener should know. */
  trouble: { readonly error: unknown };
};
