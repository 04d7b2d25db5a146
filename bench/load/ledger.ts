import { spreadOf } from "../percentile.ts";
import type { LoadFigures } from "./load-plan.ts";

interface Sent {
  readonly recipient: number;
  readonly atMs: number;
  readonly measured: boolean;
  acked: boolean;
  deliveries: number;
}

/** Counts every message: sent, acknowledged to the sender, delivered to the recipient, once. */
export interface Ledger {
  beginMeasuring(): void;
  endMeasuring(): void;
  /** `atMs`: when it was sent, or, at a fixed rate, when it was due. */
  sent(messageId: string, recipient: number, atMs: number): void;
  acked(messageId: string): void;
  delivered(messageId: string, recipient: number): void;
  fault(text: string): void;
  /** Acknowledged and not yet delivered. */
  undelivered(): number;
  figures(): LoadFigures;
}

const FAULTS_KEPT = 20;

export function createLedger(now: () => number = () => performance.now()): Ledger {
  const messages = new Map<string, Sent>();
  const faults: string[] = [];
  let window = {
    fromMs: 0,
    toMs: 0,
    open: false,
    acked: 0,
    ackMs: [] as number[],
    deliveredMs: [] as number[],
  };
  let ackedInAll = 0;
  let deliveredAcked = 0;
  let doubled = 0;

  const fault = (text: string): void => {
    if (faults.length < FAULTS_KEPT) faults.push(text);
  };

  return {
    beginMeasuring() {
      window = { fromMs: now(), toMs: 0, open: true, acked: 0, ackMs: [], deliveredMs: [] };
    },
    endMeasuring() {
      window.toMs = now();
      window.open = false;
    },
    sent(messageId, recipient, atMs) {
      messages.set(messageId, { recipient, atMs, measured: window.open, acked: false, deliveries: 0 });
    },
    acked(messageId) {
      const message = messages.get(messageId);
      if (message === undefined || message.acked) return fault("a send was answered twice");
      message.acked = true;
      ackedInAll += 1;
      if (message.deliveries > 0) deliveredAcked += 1;
      if (window.open) window.acked += 1;
      if (message.measured) window.ackMs.push(now() - message.atMs);
    },
    delivered(messageId, recipient) {
      const message = messages.get(messageId);
      if (message?.recipient !== recipient) return fault("a device got a message that is not for it");
      message.deliveries += 1;
      if (message.deliveries > 1) {
        doubled += 1;
        return;
      }
      if (message.acked) deliveredAcked += 1;
      if (message.measured) window.deliveredMs.push(now() - message.atMs);
    },
    fault,
    undelivered: () => ackedInAll - deliveredAcked,
    figures: () => ({
      acked: window.acked,
      measuredSeconds: (window.toMs - window.fromMs) / 1000,
      ack: spreadOf(window.ackMs),
      delivered: spreadOf(window.deliveredMs),
      ackedInAll,
      lost: ackedInAll - deliveredAcked,
      doubled,
      faults,
    }),
  };
}
