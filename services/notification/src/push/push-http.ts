// The one way to push services. Their addresses come from people, who may mean to make the server call something else.
import { lookup } from "node:dns";
import { Resolver } from "node:dns/promises";
import { Agent, request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { createSecureContext, getCACertificates } from "node:tls";
import { isPublicAddress } from "./public-address.ts";
import { faultOfEndpoint, type PushHosts } from "./push-hosts.ts";

export type PushAnswer = { readonly status: number; readonly retryAfter: string | undefined };

export interface PushHttp {
  /** Rejects when there was no answer: with code ENOTPUBLIC when the address must not be called. Follows nothing. */
  post(push: PushRequest): Promise<PushAnswer>;
  close(): void;
}

export type PushRequest = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
};

export type PushHttpOptions = {
  /** May have private addresses and other ports than 443. */
  readonly hosts: PushHosts;
  /** Certificates (PEM) that are trusted besides those of the system. */
  readonly ca: string | undefined;
  readonly timeouts: { readonly connectMs: number; readonly wholeMs: number };
  /** All addresses of a name, as its owner says. */
  readonly resolve: (hostname: string) => Promise<string[]>;
};

/** Together with the database they stay below the sender's lease. */
export const TIMEOUTS = { connectMs: 5000, wholeMs: 10_000 };
/** The status is all that is wanted; what comes with it is read this far, so that the connection can be used again. */
const ANSWER_MAX_BYTES = 16 * 1024;
const HEADERS_MAX_BYTES = 8 * 1024;
const IDLE_MS = 5000;
const IDLE_SOCKETS_PER_HOST = 4;

/**
 * Asks the name servers itself, with a short patience: the lookup of the system keeps one of the few threads that files
 * and other names need, for as long as a stranger's name server pleases.
 */
export function createResolver(): PushHttpOptions["resolve"] {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  return async (hostname) => {
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    const [failed] = answers;
    if (addresses.length === 0 && failed?.status === "rejected") throw failed.reason;
    return addresses;
  };
}

export function createPushHttp({ hosts, ca, timeouts, resolve }: PushHttpOptions): PushHttp {
  const agent = new Agent({
    keepAlive: true,
    timeout: IDLE_MS,
    maxFreeSockets: IDLE_SOCKETS_PER_HOST,
    // Made once: to read all these certificates costs more than a connection.
    secureContext: createSecureContext(ca === undefined ? {} : { ca: [...getCACertificates("default"), ca] }),
  });
  const publicLookup = lookUpPublic(resolve);
  return {
    async post({ url, headers, body, signal }) {
      // Once more than when it was stored: what is allowed may have changed since, and it is a URL of a stranger.
      if (faultOfEndpoint(url, hosts) !== undefined) throw new NotPublic(url.host);
      return exchange(url, body, timeouts.connectMs, {
        method: "POST",
        agent,
        headers,
        maxHeaderSize: HEADERS_MAX_BYTES,
        // Of listed hosts the system knows names that no name server does.
        lookup: hosts.has(url.host) ? (lookup as LookupFunction) : publicLookup,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeouts.wholeMs)]),
      });
    },
    close: () => agent.destroy(),
  };
}

class NotPublic extends Error {
  readonly code = "ENOTPUBLIC";

  constructor(host: string) {
    super(`${host} is not where this server may send pushes to`);
  }
}

/**
 * For the connection itself, which goes to the very addresses that were looked at: a name that leads elsewhere the next
 * time (DNS rebinding) gains nothing. Node asks for no lookup of what is an address already: see `faultOfEndpoint`.
 */
function lookUpPublic(resolve: PushHttpOptions["resolve"]): LookupFunction {
  return (hostname, options, callback) => {
    const find = async () => {
      const addresses = (await resolve(hostname)).filter((address) => isPublicAddress(address));
      if (addresses.length === 0) throw new NotPublic(hostname);
      return addresses.map((address) => ({ address, family: isIP(address) }));
    };
    find().then(
      (found) =>
        options.all ? callback(null, found) : callback(null, found[0]?.address ?? "", found[0]?.family),
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}

type Options = Parameters<typeof request>[1];

function exchange(url: URL, body: Buffer, connectMs: number, options: Options): Promise<PushAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, options);
    const connecting = setTimeout(() => {
      asked.destroy(Object.assign(new Error("no connection in time"), { code: "ETIMEDOUT" }));
    }, connectMs);
    const connected = () => clearTimeout(connecting);
    asked.on("socket", (socket) =>
      asked.reusedSocket ? connected() : socket.once("secureConnect", connected),
    );
    asked.on("close", connected);
    asked.on("error", reject);
    asked.on("response", (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_MAX_BYTES) response.destroy();
      });
      // The status is known: it does not matter why the rest does not come.
      response.on("error", () => undefined);
      response.on("close", () =>
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] }),
      );
    });
    asked.end(body);
  });
}
