import type { CloseReason } from "@sotto/contracts/socket-events";
import { backoffMs, reconnectBackoff } from "../backoff.ts";
import type { ClientContext } from "../client-context.ts";
import type { ClientStatus } from "../client-events.ts";
import type { SessionKeeper } from "../session/session-keeper.ts";
import { hasCode, SottoError } from "../sotto-error.ts";
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  connectionTable,
} from "./connection-table.ts";
import { openSocket, type Socket, type SocketHandlers } from "./socket.ts";

/** What is done with what comes over the socket. `isCurrent` tells whether its socket still is the connection's. */
export type ConnectionHandlers = Omit<SocketHandlers, "opened" | "lost" | "nonsense" | "session:closed"> & {
  readonly opened: () => void;
  /** The connection is down and a try has failed: time to read the mailbox by REST. */
  readonly unreachable: () => void;
  /** The server removed this device or ended a session, namely the one that the closed connection was made with. */
  readonly expelled: (error: SottoError, sessionId: string | undefined) => void;
  /** Renews the token, and the binding of the device to the session when that was refused. */
  readonly renew: (refusal: SottoError) => Promise<void>;
};

type Deps = Pick<ClientContext, "clock" | "events"> & {
  readonly session: Pick<SessionKeeper, "current" | "token" | "renewInMs">;
  readonly url: string;
  readonly deviceId: () => Promise<string>;
};

const statuses: { readonly [State in ConnectionState]: ClientStatus } = {
  "signed-out": "signed-out",
  connecting: "connecting",
  syncing: "syncing",
  live: "live",
  waiting: "offline",
  renewing: "connecting",
  displaced: "offline",
  superseded: "superseded",
  closed: "closed",
};

/**
 * Another connection of this device took the place of this one. That can have been a late handshake of this client's
 * own, so it comes back once; who is displaced again soon after that has a living rival, and leaves it the place.
 */
const COMEBACK_MS = 20_000;
const COMEBACK_JITTER_MS = 5_000;
const RIVALRY_MS = 60_000;

/** Walks the connection table and does what it says. */
export class Connection {
  readonly #deps: Deps;
  readonly #handlers: ConnectionHandlers;
  #state: ConnectionState = "signed-out";
  #socket: Socket | undefined;
  /** Counts sockets and renewals: what belongs to an older one is late and says nothing. */
  #generation = 0;
  #failures = 0;
  /** The session that the present socket was opened with. */
  #sessionId: string | undefined;
  /** When it last came back after it was displaced, in ms since the epoch. */
  #cameBackAt: number | undefined;
  /** Whether the token was renewed since the connection last was live. */
  #hasRenewed = false;
  #refusal = new SottoError("unauthenticated", "The token was refused");
  #stopTimer: (() => void) | undefined;
  #stopRenewal: (() => void) | undefined;

  constructor(deps: Deps, handlers: ConnectionHandlers) {
    this.#deps = deps;
    this.#handlers = handlers;
  }

  get status(): ClientStatus {
    return statuses[this.#state];
  }

  /** The socket to call the server by; undefined while there is no connection. */
  get socket(): Socket | undefined {
    return this.#state === "syncing" || this.#state === "live" ? this.#socket : undefined;
  }

  /** A token that tells whether the present socket is still the connection's. */
  currentSocket(): () => boolean {
    const generation = this.#generation;
    return () => generation === this.#generation && this.socket !== undefined;
  }

  happen(event: ConnectionEvent): void {
    const step = connectionTable[this.#state][event];
    if (step === null) return;
    if (event === "signed-in") this.#cameBackAt = undefined;
    const before = this.status;
    this.#state = step.to;
    for (const effect of step.effects) this.#effects[effect]();
    if (this.status !== before) this.#deps.events.emit("status", { status: this.status });
  }

  readonly #effects: { readonly [Effect in ConnectionEffect]: () => void } = {
    "open-socket": () => void this.#open(),
    "drop-socket": () => this.#drop(),
    "start-timer": () => this.#wait(),
    "start-comeback": () => this.#planComeback(),
    "stop-timer": () => this.#stopTimer?.(),
    renew: () => void this.#renew(),
    "reset-backoff": () => {
      this.#failures = 0;
      this.#hasRenewed = false;
    },
  };

  async #open(): Promise<void> {
    const generation = ++this.#generation;
    const isLate = () => generation !== this.#generation;
    try {
      const token = await this.#deps.session.token();
      const sessionId = this.#deps.session.current?.sessionId;
      const deviceId = await this.#deps.deviceId();
      if (isLate()) return;
      this.#sessionId = sessionId;
      this.#socket = openSocket({ url: this.#deps.url, token, deviceId }, this.#listen(isLate));
    } catch (error) {
      if (isLate()) return;
      this.#lost(
        error instanceof SottoError ? error : new SottoError("network", "No connection", { cause: error }),
      );
    }
  }

  #listen(isLate: () => boolean): SocketHandlers {
    return {
      ...this.#handlers,
      opened: () => {
        if (isLate()) return;
        this.happen("socket-open");
        this.#scheduleRenewal();
        this.#handlers.opened();
      },
      lost: (error) => {
        if (!isLate()) this.#lost(error);
      },
      "inbox:drained": (payload) => {
        this.happen("drained");
        this.#handlers["inbox:drained"](payload);
      },
      "session:closed": ({ reason }) => {
        if (!isLate()) this.#closedBy(reason);
      },
      nonsense: (error) => this.#deps.events.emit("trouble", { error }),
    };
  }

  #closedBy(reason: CloseReason): void {
    if (reason === "superseded") {
      this.happen(this.#hasRival() ? "superseded" : "displaced");
    } else if (reason === "token_expired") {
      this.#refusal = new SottoError("token_expired", "The token of the connection expired");
      this.happen("token-refused");
    } else if (reason === "session_revoked" || reason === "device_removed") {
      const error = new SottoError("session_revoked", `The server ended the session: ${reason}`);
      this.#handlers.expelled(error, this.#sessionId);
    } else {
      this.happen("socket-lost");
    }
  }

  #hasRival(): boolean {
    return this.#cameBackAt !== undefined && this.#deps.clock.now() - this.#cameBackAt < RIVALRY_MS;
  }

  #planComeback(): void {
    const { clock } = this.#deps;
    this.#stopTimer = clock.after(COMEBACK_MS + clock.random() * COMEBACK_JITTER_MS, () => {
      this.#cameBackAt = clock.now();
      this.happen("retry-due");
    });
  }

  #lost(error: SottoError): void {
    const isTokenRefused = hasCode(
      error,
      "token_expired",
      "unauthenticated",
      "session_revoked",
      "device_unproven",
    );
    // A fresh token that is refused as well is not renewed at once again: that would be a loop without a pause.
    if (isTokenRefused && !this.#hasRenewed) {
      this.#refusal = error;
      this.happen("token-refused");
      return;
    }
    this.happen("socket-lost");
    this.#handlers.unreachable();
  }

  #drop(): void {
    this.#generation += 1;
    this.#stopRenewal?.();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #wait(): void {
    const { clock } = this.#deps;
    this.#failures += 1;
    const delayMs = backoffMs(reconnectBackoff, this.#failures, clock.random());
    this.#stopTimer = clock.after(delayMs, () => this.happen("retry-due"));
  }

  async #renew(): Promise<void> {
    const generation = ++this.#generation;
    this.#hasRenewed = true;
    const result = await this.#handlers.renew(this.#refusal).then(
      () => "renewed" as const,
      () => "renew-failed" as const,
    );
    if (generation === this.#generation) this.happen(result);
  }

  /** A token that ends while the connection lives is replaced on the connection. */
  #scheduleRenewal(): void {
    const { clock, session } = this.#deps;
    this.#stopRenewal?.();
    this.#stopRenewal = clock.after(session.renewInMs(), () => void this.#renewInPlace());
  }

  async #renewInPlace(): Promise<void> {
    const isCurrent = this.currentSocket();
    try {
      const token = await this.#deps.session.token();
      if (isCurrent()) await this.#socket?.call("session:renew", { token });
    } catch (error) {
      // The server closes the connection when the old token ends; that path renews with backoff.
      this.#deps.events.emit("trouble", { error });
    }
    if (isCurrent()) this.#scheduleRenewal();
  }
}
