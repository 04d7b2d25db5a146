import type { PrekeyStock } from "@sotto/contracts/device-api";
import { limits } from "@sotto/contracts/limits";
import type { InboxEnvelope } from "@sotto/contracts/message-api";
import type { CloseReason } from "@sotto/contracts/socket-events";

export type TypingChange = { conversationId: string; accountId: string; active: boolean };

/** What a connection can be told; the socket layer implements it. */
export interface ConnectionSink {
  envelopes(envelopes: readonly InboxEnvelope[]): void;
  drained(): void;
  gap(gap: string): void;
  keysLow(stock: PrekeyStock): void;
  typing(change: TypingChange): void;
  peopleChanged(): void;
  notificationsChanged(unread: number): void;
  /** Says farewell, then ends the connection. */
  close(reason: CloseReason): void;
  /** Ends the connection at once, with all that its client has not taken. */
  drop(): void;
  /** What was written and has not left. */
  readonly unsentBytes: number;
}

export type ConnectedDevice = {
  readonly deviceId: string;
  readonly accountId: string;
  readonly connectionId: string;
  readonly sessionId: string;
  /** When the access token of the connection ends; moved by `session:renew`. */
  expiresAt: Date;
};

/**
 * What is in flight to one connected device, and whether its mailbox must be read.
 *
 * Order. A message that was committed here may be delivered from memory only when nothing older of the same sender can
 * be unread in the mailbox: the connection is level (its last read found nothing more, and no read is wanted or under
 * way), and that read began after the sender's own connection to this node was made. Everything else is left to a
 * read, which finds messages in the order of storing.
 */
export class DeviceConnection {
  readonly device: ConnectedDevice;
  readonly sink: ConnectionSink;
  /** Position of this connection in the sequence of connections and reads of this node. */
  readonly connectedAt: number;

  /** Envelope ids with their sizes. */
  readonly #inFlight = new Map<number, number>();
  #bytesInFlight = 0;
  #outgoing: InboxEnvelope[] = [];
  #gap: string | undefined;
  #closed = false;
  #reading = false;
  #mustRead = true;
  #readBegunAt = 0;
  /** The highest envelope id that a read has found. */
  #highestRead = 0;
  /** What waited when the first complete read ended and is not yet acknowledged; undefined before. */
  #backlog: Set<number> | undefined;
  #drainedTold = false;
  /** The event, by its UUIDv7, of the last news of notifications. */
  #unreadAsOf = "";

  constructor(device: ConnectedDevice, connectedAt: number, sink: ConnectionSink) {
    this.device = device;
    this.connectedAt = connectedAt;
    this.sink = sink;
  }

  get inFlight(): Pick<ReadonlySet<number>, "has" | "keys" | "size"> {
    return this.#inFlight;
  }

  /** Free places in the window of unacknowledged envelopes. */
  get room(): number {
    return limits.deliveryWindow - this.#inFlight.size;
  }

  /** Free bytes in the window; a message needs one of them, whatever its size. */
  get roomBytes(): number {
    return limits.deliveryWindowBytes - this.#bytesInFlight;
  }

  /** The gap that the device was told of and has not acknowledged. */
  get gap(): string | undefined {
    return this.#gap;
  }

  /** Tells how much is unread. Events may overtake each other: one that is older than the last is left out. */
  tellUnread(unread: number, eventId: string): void {
    if (this.#closed || eventId <= this.#unreadAsOf) return;
    this.#unreadAsOf = eventId;
    this.sink.notificationsChanged(unread);
  }

  get wantsRead(): boolean {
    return this.#mustRead && !this.#reading && !this.#closed && this.#isOpen;
  }

  requestRead(): void {
    this.#mustRead = true;
  }

  beginRead(tick: number): void {
    this.#mustRead = false;
    this.#reading = true;
    this.#readBegunAt = tick;
  }

  /**
   * Ends a read: `found` in the order of storing and without what is in flight, `gone` what is in flight and no longer
   * stored, `more` when the read was cut off.
   */
  endRead({
    found,
    gone,
    more,
  }: {
    found: readonly InboxEnvelope[];
    gone: readonly number[];
    more: boolean;
  }): void {
    this.#reading = false;
    this.#forget(gone);
    // A gap that opened during the read holds back what it found: it is read again afterwards.
    const held = this.#gap !== undefined;
    if (!held) this.#deliver(found);
    for (const { envelopeId } of found) this.#highestRead = Math.max(this.#highestRead, envelopeId);
    if (more || held) this.#mustRead = true;
    else this.#backlog ??= new Set(this.#inFlight.keys());
    this.#tellWhenDrained();
  }

  failRead(): void {
    this.#reading = false;
    this.#mustRead = true;
  }

  /**
   * Takes a message for delivery at the next `flush`. False when only a read keeps the order, which is then wanted.
   * `senderConnectedAt` is absent for a sender that is not connected to this node.
   */
  offer(envelope: InboxEnvelope, senderConnectedAt: number | undefined): boolean {
    const level = !this.#mustRead && !this.#reading && this.#isOpen;
    const ordered = senderConnectedAt !== undefined && this.#readBegunAt > senderConnectedAt;
    // A read can find a message after its commit and before the answer to the commit is here: it may have been
    // delivered, and even be acknowledged. A read tells; ids above all that reads have found need none.
    const unread = envelope.envelopeId > this.#highestRead;
    if (level && ordered && unread) {
      this.#add(envelope);
      this.#outgoing.push(envelope);
      return true;
    }
    this.#mustRead = true;
    return false;
  }

  flush(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    if (outgoing.length > 0 && !this.#closed) this.sink.envelopes(outgoing);
  }

  acknowledged(envelopeIds: readonly number[]): void {
    this.#forget(envelopeIds);
    this.#tellWhenDrained();
  }

  /** Holds envelopes back until the device has said that it knows of the gap. */
  openGap(gap: string): void {
    if (this.#closed || this.#gap === gap) return;
    this.#gap = gap;
    this.sink.gap(gap);
  }

  closeGap(gap: string): void {
    if (this.#gap !== gap) return;
    this.#gap = undefined;
    this.#mustRead = true;
  }

  close(): void {
    this.#closed = true;
  }

  #deliver(envelopes: readonly InboxEnvelope[]): void {
    if (this.#closed || envelopes.length === 0) return;
    for (const envelope of envelopes) this.#add(envelope);
    this.sink.envelopes(envelopes);
  }

  /** True when envelopes may follow. */
  get #isOpen(): boolean {
    return this.#gap === undefined && this.room > 0 && this.roomBytes > 0;
  }

  #add({ envelopeId, content, envelope }: InboxEnvelope): void {
    const bytes = base64Bytes(content) + base64Bytes(envelope);
    this.#inFlight.set(envelopeId, bytes);
    this.#bytesInFlight += bytes;
  }

  #forget(envelopeIds: readonly number[]): void {
    for (const id of envelopeIds) {
      this.#bytesInFlight -= this.#inFlight.get(id) ?? 0;
      this.#inFlight.delete(id);
      this.#backlog?.delete(id);
    }
  }

  #tellWhenDrained(): void {
    if (this.#closed || this.#drainedTold || this.#backlog === undefined || this.#backlog.size > 0) return;
    this.#drainedTold = true;
    this.sink.drained();
  }
}

/** The size of what is encoded, give or take the padding. */
function base64Bytes(text: string): number {
  return Math.ceil((text.length * 3) / 4);
}
