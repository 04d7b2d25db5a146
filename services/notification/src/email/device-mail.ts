import { readableTime } from "./link-mails.ts";
import type { MailContent } from "./mail-kinds.ts";
import { layOutMail, type RenderedMail } from "./mail-layout.ts";

/** The mail that tells the owner of an account of one more device that can read its messages. */
export function renderDeviceMail({ username, at }: MailContent<"new-device">): RenderedMail {
  return layOutMail({
    subject: "A new device was added to your account",
    greeting: `Hello ${username},`,
    before: [
      "A new device was added to your account. It can read the messages that come from now on.",
      `When: ${readableTime(at)}`,
      "If this was not you, remove it from your list of devices and change your password at once.",
    ],
  });
}
