// What the load process is told, and what it answers; plain data.
import type { Spread } from "../percentile.ts";

export interface LoadUser {
  /** Of the node that it connects to. */
  readonly url: string;
  /** Otherwise it stays away until it is told to connect. */
  readonly startsConnected: boolean;
  readonly token: string;
  readonly accountId: string;
  readonly deviceId: string;
  readonly registrationId: number;
  /** Whom it writes to; empty for one who only reads. */
  readonly partners: readonly { readonly conversationId: string; readonly user: number }[];
}

export interface LoadPlan {
  readonly users: readonly LoadUser[];
  readonly contentBytes: number;
  readonly envelopeBytes: number;
}

export interface LoadFigures {
  /** Messages acknowledged within the measured time. */
  readonly acked: number;
  readonly measuredSeconds: number;
  readonly ack: Spread;
  /** From the sending to the arrival at the recipient, of messages sent within the measured time. */
  readonly delivered: Spread;
  /** Of all messages since the connecting, warm-up included. */
  readonly ackedInAll: number;
  readonly lost: number;
  readonly doubled: number;
  /** What else must not happen: refusals, unanswered sends, deliveries to the wrong device, disconnects. */
  readonly faults: readonly string[];
}

/** What the load process does when it is told to; each resolves when it is done. */
export interface Load {
  connect(plan: LoadPlan): Promise<void>;
  /** Connects those who have stayed away. */
  connectAll(): Promise<void>;
  /** Connects the first of the plan, until so many are connected. */
  connectUpTo(count: number): Promise<void>;
  /** Every sender keeps `inFlight` messages unanswered. */
  startClosedLoop(inFlight: number): Promise<void>;
  /** Messages at fixed distances of time, whatever the answers do. */
  startOpenLoop(perSecond: number): Promise<void>;
  /** Forgets earlier measurements and counts for so long, while the load runs. */
  measure(seconds: number): Promise<void>;
  /** Ends the sending; resolves when every send is answered, or after 30 s. */
  stop(): Promise<void>;
  /** Waits until everything acknowledged is delivered, at most so long. */
  settle(patienceMs: number): Promise<void>;
  figures(): Promise<LoadFigures>;
}

export type LoadCall = { readonly id: number; readonly method: keyof Load; readonly argument: unknown };
export type LoadAnswer = { readonly id: number; readonly value?: unknown; readonly error?: string };
