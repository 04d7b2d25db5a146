/**
 * Where a connection can be. `waiting` for its next try, `renewing` the token first; `displaced` by another connection
 * of this device and about to come back, once; `superseded` for good.
 */
export const connectionStates = [
  "signed-out",
  "connecting",
  "syncing",
  "live",
  "waiting",
  "renewing",
  "displaced",
  "superseded",
  "closed",
] as const;
export type ConnectionState = (typeof connectionStates)[number];

/** What can happen to it. */
export const connectionEvents = [
  "signed-in",
  "signed-out",
  "socket-open",
  "socket-lost",
  "token-refused",
  "drained",
  "retry-due",
  "renewed",
  "renew-failed",
  "displaced",
  "superseded",
  "close",
] as const;
export type ConnectionEvent = (typeof connectionEvents)[number];

/** What the driver does, in this order, when it enters the new state. */
export type ConnectionEffect =
  | "open-socket"
  | "drop-socket"
  | "start-timer"
  | "start-comeback"
  | "stop-timer"
  | "renew"
  | "reset-backoff";

export type Step = { readonly to: ConnectionState; readonly effects: readonly ConnectionEffect[] };

type Row = { readonly [Event in ConnectionEvent]: Step | null };

const to = (state: ConnectionState, ...effects: ConnectionEffect[]): Step => ({ to: state, effects });
/** Late or meaningless here: nothing happens. */
const ignore = null;

/**
 * Every state times every event: leaving one out does not compile. Invariants, tested: at most one socket, timer or
 * renewal at a time; a state that is neither final nor connected always has one of them under way; a superseded
 * connection never comes back by itself; nothing happens after `closed`. Which of `displaced` and `superseded` a
 * closed connection hears is up to the driver.
 */
export const connectionTable: { readonly [State in ConnectionState]: Row } = {
  "signed-out": {
    "signed-in": to("connecting", "open-socket"),
    "signed-out": ignore,
    "socket-open": ignore,
    "socket-lost": ignore,
    "token-refused": ignore,
    drained: ignore,
    "retry-due": ignore,
    renewed: ignore,
    "renew-failed": ignore,
    displaced: ignore,
    superseded: ignore,
    close: to("closed"),
  },
  connecting: {
    "signed-in": to("connecting", "drop-socket", "open-socket"),
    "signed-out": to("signed-out", "drop-socket"),
    "socket-open": to("syncing"),
    "socket-lost": to("waiting", "drop-socket", "start-timer"),
    "token-refused": to("renewing", "drop-socket", "renew"),
    drained: ignore,
    "retry-due": ignore,
    renewed: ignore,
    "renew-failed": ignore,
    displaced: to("displaced", "drop-socket", "start-comeback"),
    superseded: to("superseded", "drop-socket"),
    close: to("closed", "drop-socket"),
  },
  syncing: {
    "signed-in": to("connecting", "drop-socket", "open-socket"),
    "signed-out": to("signed-out", "drop-socket"),
    "socket-open": ignore,
    "socket-lost": to("waiting", "drop-socket", "start-timer"),
    "token-refused": to("renewing", "drop-socket", "renew"),
    drained: to("live", "reset-backoff"),
    "retry-due": ignore,
    renewed: ignore,
    "renew-failed": ignore,
    displaced: to("displaced", "drop-socket", "start-comeback"),
    superseded: to("superseded", "drop-socket"),
    close: to("closed", "drop-socket"),
  },
  live: {
    "signed-in": to("connecting", "drop-socket", "open-socket"),
    "signed-out": to("signed-out", "drop-socket"),
    "socket-open": ignore,
    "socket-lost": to("waiting", "drop-socket", "start-timer"),
    "token-refused": to("renewing", "drop-socket", "renew"),
    drained: ignore,
    "retry-due": ignore,
    renewed: ignore,
    "renew-failed": ignore,
    displaced: to("displaced", "drop-socket", "start-comeback"),
    superseded: to("superseded", "drop-socket"),
    close: to("closed", "drop-socket"),
  },
  waiting: {
    "signed-in": to("connecting", "stop-timer", "open-socket"),
    "signed-out": to("signed-out", "stop-timer"),
    "socket-open": ignore,
    "socket-lost": ignore,
    "token-refused": ignore,
    drained: ignore,
    "retry-due": to("connecting", "open-socket"),
    renewed: ignore,
    "renew-failed": ignore,
    displaced: ignore,
    superseded: ignore,
    close: to("closed", "stop-timer"),
  },
  renewing: {
    "signed-in": to("connecting", "open-socket"),
    "signed-out": to("signed-out"),
    "socket-open": ignore,
    "socket-lost": ignore,
    "token-refused": ignore,
    drained: ignore,
    "retry-due": ignore,
    renewed: to("connecting", "open-socket"),
    "renew-failed": to("waiting", "start-timer"),
    displaced: ignore,
    superseded: ignore,
    close: to("closed"),
  },
  displaced: {
    "signed-in": to("connecting", "stop-timer", "open-socket"),
    "signed-out": to("signed-out", "stop-timer"),
    "socket-open": ignore,
    "socket-lost": ignore,
    "token-refused": ignore,
    drained: ignore,
    "retry-due": to("connecting", "open-socket"),
    renewed: ignore,
    "renew-failed": ignore,
    displaced: ignore,
    superseded: ignore,
    close: to("closed", "stop-timer"),
  },
  superseded: {
    "signed-in": to("connecting", "open-socket"),
    "signed-out": to("signed-out"),
    "socket-open": ignore,
    "socket-lost": ignore,
    "token-refused": ignore,
    drained: ignore,
    "retry-due": ignore,
    renewed: ignore,
    "renew-failed": ignore,
    displaced: ignore,
    superseded: ignore,
    close: to("closed"),
  },
  closed: {
    "signed-in": ignore,
    "signed-out": ignore,
    "socket-open": ignore,
    "socket-lost": ignore,
    "token-refused": ignore,
    drained: ignore,
    "retry-due": ignore,
    renewed: ignore,
    "renew-failed": ignore,
    displaced: ignore,
    superseded: ignore,
    close: ignore,
  },
};
