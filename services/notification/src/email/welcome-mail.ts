import type { MailContent } from "./mail-kinds.ts";
import { layOutMail, type RenderedMail } from "./mail-layout.ts";

/** The mail to a new account. */
export function renderWelcomeMail({ username }: MailContent<"welcome">): RenderedMail {
  return layOutMail({
    subject: "Welcome to Sotto",
    greeting: `Hello ${username},`,
    before: [
      "Your account is ready.",
      "Your messages are encrypted on your device, and only the devices of the people you write to can read them.",
      "This also means that nobody can restore your messages for you: keep at least one device signed in, or make a backup.",
      "If you did not register, you can ignore this mail.",
    ],
  });
}
