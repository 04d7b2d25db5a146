import type { NotificationContext } from "../context.ts";
import { queueWelcomeMail } from "./queue-welcome-mail.ts";

/** Accounts registered at the same time; each costs one short transaction. */
const CONCURRENCY = 4;

/** Turns events into queued mail. */
export function consumeForMail(
  context: Pick<NotificationContext, "bus" | "db" | "clock" | "ids" | "sender">,
): void {
  context.bus.consume({
    consumer: "notification",
    types: ["user.account-registered"],
    concurrency: CONCURRENCY,
    handle: async (event) => {
      if ((await queueWelcomeMail(context, event)) === "queued") context.sender.wake();
    },
  });
}
