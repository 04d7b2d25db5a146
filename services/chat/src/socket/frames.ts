import type { FrameError } from "@sotto/contracts/errors";
import { type ClientEvent, clientEvents } from "@sotto/contracts/socket-events";
import { AppError, toAppError, toFrameError } from "@sotto/platform/app-error";
import type { Logger } from "@sotto/platform/log";
import type { z } from "zod";

type Payload<E extends ClientEvent> = z.infer<(typeof clientEvents)[E]["payload"]>;
type Value<E extends ClientEvent> = z.infer<(typeof clientEvents)[E]["answer"]>;

/** What answers each event; the payload has been validated. */
export type FrameHandlers = { [E in ClientEvent]: (payload: Payload<E>) => Value<E> | Promise<Value<E>> };

export type FrameDeps = {
  handlers: FrameHandlers;
  /** Milliseconds to wait before this frame may be handled; 0 when it may now. */
  budget(event: ClientEvent | undefined): number;
  log: Logger;
};

type Answer = (answer: { ok: true; value: unknown } | { ok: false; error: FrameError }) => void;

const nobody: Answer = () => {};

/**
 * Takes any frame of any client. Whatever is wrong with it (an unknown event, no payload, an acknowledgement that is
 * no function, too many) becomes an error acknowledgement, where one was asked for, and touches nobody else.
 */
export async function handleFrame(deps: FrameDeps, frame: readonly unknown[]): Promise<void> {
  const last = frame.at(-1);
  const answer: Answer = typeof last === "function" ? (last as Answer) : nobody;
  try {
    answer({ ok: true, value: await handle(deps, frame[0], frame[1]) });
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === "internal")
      deps.log.error({ err: error.cause, event: String(frame[0]) }, "a frame failed");
    answer({ ok: false, error: toFrameError(error) });
  }
}

async function handle(deps: FrameDeps, name: unknown, payload: unknown): Promise<unknown> {
  const event = isClientEvent(name) ? name : undefined;
  const waitMs = deps.budget(event);
  if (waitMs > 0) {
    throw new AppError("rate_limited", "Too many frames.", { retryAfterSeconds: Math.ceil(waitMs / 1000) });
  }
  if (!event) throw new AppError("bad_request", "There is no such event.");
  return await run(deps.handlers, event, payload);
}

function run<E extends ClientEvent>(
  handlers: FrameHandlers,
  event: E,
  payload: unknown,
): Value<E> | Promise<Value<E>> {
  const parsed = clientEvents[event].payload.parse(payload) as Payload<E>;
  return handlers[event](parsed);
}

function isClientEvent(name: unknown): name is ClientEvent {
  return typeof name === "string" && Object.hasOwn(clientEvents, name);
}
