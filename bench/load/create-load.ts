import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { v7 } from "uuid";
import { createLedger, type Ledger } from "./ledger.ts";
import { connectDevice, type LoadDevice } from "./load-device.ts";
import type { Load, LoadPlan } from "./load-plan.ts";

const ANSWER_PATIENCE_MS = 30_000;
const POLL_MS = 10;
/** Connections made at once. */
const CONNECTING = 50;

interface Crowd {
  readonly plan: LoadPlan;
  readonly devices: (LoadDevice | undefined)[];
  readonly tails: readonly (readonly string[])[];
  readonly ledger: Ledger;
}

/** What follows the id of a message in its JSON, for each pair of a sender and a partner. */
function createTails(plan: LoadPlan): string[][] {
  // Sealed bytes are noise anyway; making new ones for each message would only load the machine.
  const content = randomBytes(plan.contentBytes).toString("base64");
  const envelope = randomBytes(plan.envelopeBytes).toString("base64");
  return plan.users.map(({ accountId, partners }) =>
    partners.map(({ conversationId, user }) => {
      const recipient = plan.users[user];
      if (!recipient) throw new Error("a partner who is not in the plan");
      const { deviceId, registrationId } = recipient;
      const recipients = [
        { accountId, devices: [] },
        { accountId: recipient.accountId, devices: [{ deviceId, registrationId, envelope }] },
      ];
      return JSON.stringify({ conversationId, content, recipients }).slice(1);
    }),
  );
}

function createCrowd(plan: LoadPlan): Crowd {
  return { plan, devices: plan.users.map(() => undefined), tails: createTails(plan), ledger: createLedger() };
}

async function connectWhere(crowd: Crowd, wanted: (index: number) => boolean): Promise<void> {
  const isWanted = (index: number): boolean => crowd.devices[index] === undefined && wanted(index);
  const indexes = crowd.plan.users.map((_, index) => index).filter(isWanted);
  const connectNext = async (): Promise<void> => {
    for (let index = indexes.pop(); index !== undefined; index = indexes.pop()) {
      const user = crowd.plan.users[index];
      if (user) crowd.devices[index] = await connectDevice(user, index, crowd.ledger);
    }
  };
  await Promise.all(Array.from({ length: CONNECTING }, connectNext));
}

/** Sends one message of `sender` to a partner by chance; resolves when it is answered. */
async function sendOne({ plan, tails, devices, ledger }: Crowd, sender: number, atMs: number): Promise<void> {
  const partners = plan.users[sender]?.partners ?? [];
  const choice = Math.floor(Math.random() * partners.length);
  const messageId = v7();
  ledger.sent(messageId, partners[choice]?.user ?? -1, atMs);
  await devices[sender]?.send(messageId, `{"messageId":"${messageId}",${tails[sender]?.[choice]}`);
}

interface Sending {
  /** Resolves when every send has been answered. */
  stop(): Promise<void>;
}

function sendersOf({ plan }: Crowd): number[] {
  return plan.users.flatMap(({ partners }, index) => (partners.length > 0 ? [index] : []));
}

function startClosedLoop(crowd: Crowd, inFlight: number): Sending {
  let stopped = false;
  const one = async (sender: number): Promise<void> => {
    while (!stopped) await sendOne(crowd, sender, performance.now());
  };
  const loops = sendersOf(crowd).flatMap((sender) => Array.from({ length: inFlight }, () => one(sender)));
  return {
    async stop() {
      stopped = true;
      await Promise.all(loops);
    },
  };
}

function startOpenLoop(crowd: Crowd, perSecond: number): Sending {
  const senders = sendersOf(crowd);
  const everyMs = 1000 / perSecond;
  const answers = new Set<Promise<void>>();
  let dueMs = performance.now();
  let stopped = false;
  const pass = (): void => {
    if (stopped) return;
    for (; dueMs <= performance.now(); dueMs += everyMs) {
      const sender = senders[Math.floor(Math.random() * senders.length)] ?? 0;
      // Counted from when it was due: a late generator must not hide a slow server.
      const answer = sendOne(crowd, sender, dueMs).finally(() => answers.delete(answer));
      answers.add(answer);
    }
    setTimeout(pass, 1);
  };
  pass();
  return {
    async stop() {
      stopped = true;
      await Promise.all(answers);
    },
  };
}

async function stopWithPatience(sending: Sending, ledger: Ledger): Promise<void> {
  const late = new AbortController();
  const answered = sending.stop().then(() => true);
  const gaveUp = delay(ANSWER_PATIENCE_MS, false, { signal: late.signal }).catch(() => false);
  if (!(await Promise.race([answered, gaveUp]))) ledger.fault("sends were never answered");
  late.abort();
}

/** The load of this process; call `connect` first. */
export function createLoad(): Load {
  let crowd: Crowd | undefined;
  let sending: Sending | undefined;
  const present = (): Crowd => {
    if (!crowd) throw new Error("nobody is connected");
    return crowd;
  };
  return {
    async connect(plan) {
      const coming = createCrowd(plan);
      crowd = coming;
      await connectWhere(coming, (index) => plan.users[index]?.startsConnected === true);
    },
    connectAll: () => connectWhere(present(), () => true),
    connectUpTo: (count) => connectWhere(present(), (index) => index < count),
    async startClosedLoop(inFlight) {
      sending = startClosedLoop(present(), inFlight);
    },
    async startOpenLoop(perSecond) {
      sending = startOpenLoop(present(), perSecond);
    },
    async measure(seconds) {
      present().ledger.beginMeasuring();
      await delay(seconds * 1000);
      present().ledger.endMeasuring();
    },
    async stop() {
      if (sending) await stopWithPatience(sending, present().ledger);
      sending = undefined;
    },
    async settle(patienceMs) {
      const deadline = performance.now() + patienceMs;
      while (present().ledger.undelivered() > 0 && performance.now() < deadline) await delay(POLL_MS);
    },
    figures: async () => present().ledger.figures(),
  };
}
