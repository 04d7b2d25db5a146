import type { NotificationContext } from "../context.ts";
import { deleteAccountMail } from "./delete-account-mail.ts";
import { mailedTypes } from "./mail-kinds.ts";
import { queueMail } from "./queue-mail.ts";

/** Events at the same time; each costs one short transaction. */
const CONCURRENCY = 4;

/** Turns events into queued mail, and forgets the mail of accounts that are gone. */
export function consumeForMail(
  context: Pick<NotificationContext, "bus" | "db" | "clock" | "ids" | "sender">,
): void {
  context.bus.consume({
    consumer: "notification",
    types: [...mailedTypes, "user.account-deleted"],
    concurrency: CONCURRENCY,
    handle: async (event) => {
      if (event.type === "user.account-deleted") await deleteAccountMail(context, event);
      else if ((await queueMail(context, event)) === "queued") context.sender.wake();
    },
  });
}
