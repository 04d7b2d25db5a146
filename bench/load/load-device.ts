import { limits } from "@sotto/contracts/limits";
import { serverEvents } from "@sotto/contracts/socket-events";
import { type FrameLink, openFrameLink } from "./frame-link.ts";
import type { Ledger } from "./ledger.ts";
import type { LoadUser } from "./load-plan.ts";
import { scanEnvelopes } from "./scan-envelopes.ts";

export interface LoadDevice {
  /** @param payload of `message:send`, as JSON */
  send(messageId: string, payload: string): Promise<void>;
  close(): void;
}

/** Envelopes that have arrived are acknowledged together, as a client does that stores them together. */
const ACKNOWLEDGE_AFTER_MS = 20;
const ACCEPTED = '[{"ok":true';

/** Called for every envelope; `tell` sends the ids of those that came within a short while. */
function acknowledgeTogether(tell: (envelopeIds: readonly number[]) => void): (envelopeId: number) => void {
  let waiting: number[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const ids = waiting;
    waiting = [];
    tell(ids);
  };
  return (envelopeId) => {
    waiting.push(envelopeId);
    if (waiting.length === 1) setTimeout(flush, ACKNOWLEDGE_AFTER_MS);
    else if (waiting.length === limits.acknowledgedPerFrame) flush();
  };
}

const ENVELOPES = '["inbox:envelopes",';

/** Connects one device, which counts and acknowledges what it gets. @throws Error when the node refuses it */
export async function connectDevice(user: LoadUser, index: number, ledger: Ledger): Promise<LoadDevice> {
  let link: FrameLink | undefined;
  const acknowledge = acknowledgeTogether((envelopeIds) =>
    link?.tell("inbox:ack", JSON.stringify({ envelopeIds })),
  );
  const onEnvelope = (envelopeId: number, messageId: string): void => {
    ledger.delivered(messageId, index);
    acknowledge(envelopeId);
  };
  const onEvent = (json: string): void => {
    if (json.startsWith(ENVELOPES)) {
      scanEnvelopes(json, onEnvelope);
      return;
    }
    const [name] = JSON.parse(json) as readonly [name: string];
    if (name === "inbox:gap") ledger.fault("the server dropped envelopes and told a gap");
    else if (!Object.hasOwn(serverEvents, name)) ledger.fault(`an unknown event came: ${name}`);
  };
  const { url, token, deviceId } = user;
  const opened = await openFrameLink({
    url,
    token,
    deviceId,
    onEvent,
    onLost: () => ledger.fault("a device was disconnected"),
  });
  link = opened;
  return {
    async send(messageId, payload) {
      const answer = await opened.ask("message:send", payload);
      if (answer.startsWith(ACCEPTED)) ledger.acked(messageId);
      else ledger.fault(`a send was refused: ${answer}`);
    },
    close: opened.close,
  };
}
