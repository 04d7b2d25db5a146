import type { DomainEvent } from "@sotto/contracts/events";
import { topology } from "@sotto/platform/bus/topology";
import { forgetAccount } from "./accounts/forget-account.ts";
import { recordAddressee } from "./accounts/record-addressee.ts";
import { forgetWaiting } from "./attention/forget-waiting.ts";
import { recordAttended } from "./attention/record-attended.ts";
import { recordWaiting } from "./attention/record-waiting.ts";
import type { NotificationContext } from "./context.ts";
import type { MailedEvent } from "./email/mail-kinds.ts";
import { queueDeviceMail } from "./email/queue-device-mail.ts";
import { queueMail } from "./email/queue-mail.ts";
import { addNotification } from "./in-app/add-notification.ts";
import { forgetDevice } from "./push/forget-device.ts";
import { forgetSession } from "./push/forget-session.ts";

/** Events at the same time; each costs a few short transactions. */
const CONCURRENCY = 4;

type Consumed = (typeof topology.notification)[number];
type Effect<T extends Consumed> = (context: NotificationContext, event: DomainEvent<T>) => Promise<void>;

/** What each event causes, in this order. Each is idempotent by itself: all of them are repeated when one fails. */
const effects: { readonly [T in Consumed]: readonly Effect<T>[] } = {
  "user.account-registered": [recordAddressee, mail],
  "user.account-updated": [recordAddressee],
  "user.account-deleted": [forgetAccount],
  "user.email-verification-requested": [mail],
  "user.password-reset-requested": [mail],
  "user.security-notice": [mail, addNotification],
  "user.session-revoked": [forgetSession],
  "chat.device-added": [mailDevice, addNotification],
  "chat.contact-requested": [addNotification],
  "chat.contact-accepted": [addNotification],
  "chat.inbox-waiting": [recordWaiting],
  "chat.inbox-attended": [recordAttended],
  "chat.device-removed": [forgetDevice, forgetWaiting],
};

/** Handles what the notification service hears of the others. */
export function consumeEvents(context: NotificationContext): void {
  context.bus.consume({
    consumer: "notification",
    types: topology.notification,
    concurrency: CONCURRENCY,
    handle: (event) => applyEffects(context, event),
  });
}

async function applyEffects<T extends Consumed>(
  context: NotificationContext,
  event: DomainEvent<T>,
): Promise<void> {
  const wanted: readonly Effect<T>[] = effects[event.type];
  for (const effect of wanted) await effect(context, event);
}

async function mail(context: NotificationContext, event: MailedEvent): Promise<void> {
  if ((await queueMail(context, event)) === "applied") context.sender.wake();
}

async function mailDevice(
  context: NotificationContext,
  event: DomainEvent<"chat.device-added">,
): Promise<void> {
  if ((await queueDeviceMail(context, event)) === "applied") context.sender.wake();
}
