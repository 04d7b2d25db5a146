import type { MailMessage, MailMessages } from "./mail-messages.ts";
import {
  listPage,
  MAIL_POLICY,
  type MailView,
  mailViews,
  messagePage,
  PAGE_POLICY,
  seenIn,
} from "./mail-page.ts";

const COMMON_HEADERS = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

function html(body: string, policy: string): Response {
  return new Response(body, {
    headers: {
      ...COMMON_HEADERS,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
    },
  });
}

function json(body: unknown, status = 200): Response {
  return Response.json(body, { status, headers: COMMON_HEADERS });
}

const notFound = (): Response => json({ error: "There is nothing at this address." }, 404);

const MESSAGE_PATH = /^\/mail\/(?<api>api\/messages\/)?(?<id>\d{13}-\d{6})(?<part>\/html)?$/;

async function answerMessage(messages: MailMessages, url: URL): Promise<Response> {
  const { api, id, part } = MESSAGE_PATH.exec(url.pathname)?.groups ?? {};
  const message = id === undefined ? undefined : await messages.find(id);
  if (message === undefined || (api !== undefined && part !== undefined)) return notFound();
  if (api !== undefined) return json(message);
  if (part !== undefined) {
    const look = url.searchParams.get("for") === "dark" ? "dark" : "light";
    return html(seenIn(look, message.html), MAIL_POLICY);
  }
  return html(messagePage(message, viewOf(url, message)), PAGE_POLICY);
}

function viewOf(url: URL, { html: markup }: MailMessage): MailView {
  const wanted = url.searchParams.get("view") ?? "light";
  const view = Object.hasOwn(mailViews, wanted) ? (wanted as MailView) : "light";
  return markup === "" && view !== "headers" ? "text" : view;
}

async function answer(messages: MailMessages, url: URL): Promise<Response> {
  switch (url.pathname) {
    case "/health/live":
    case "/health/ready":
      return json({ status: "ok" });
    case "/mail":
    case "/mail/":
      return html(listPage(await messages.list()), PAGE_POLICY);
    case "/mail/api/messages":
      return json({ messages: await messages.list() });
    default:
      return answerMessage(messages, url);
  }
}

/** `/mail` for people, `/mail/api/messages` for programs. */
export function createMailFetch(messages: MailMessages): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") return json({ error: "Only GET." }, 405);
    return answer(messages, new URL(request.url));
  };
}
