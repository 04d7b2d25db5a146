// The RabbitMQs that the files of the project "e2e" share: starting one takes longer than most of them.
import { inject } from "vitest";
import type { TestRabbitmq } from "./rabbitmq.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** See rabbitmq-setup.ts. */
    rabbitmqKeeper: string;
  }
}

export type BrokerCommand = {
  name: "lend" | "return" | "kill9" | "restart" | "ctl";
  /** Which of them; that of "lend" does not matter. */
  index: number;
  args: string[];
};

const USER = "guest";

/**
 * A broker with a virtual host of this file's own, which is empty. Until it is stopped no other file gets it: it may be
 * killed.
 */
export async function useRabbitmq(): Promise<TestRabbitmq> {
  const keeper = inject("rabbitmqKeeper");
  let index = -1;
  const tell = async (name: BrokerCommand["name"], ...args: string[]): Promise<unknown> => {
    const answer = await fetch(keeper, { method: "POST", body: JSON.stringify({ name, index, args }) });
    if (!answer.ok) throw new Error(`RabbitMQ: ${await answer.text()}`);
    return answer.json();
  };
  const lent = (await tell("lend")) as Pick<TestRabbitmq, "url" | "tlsUrl" | "ca" | "dir"> & {
    index: number;
  };
  index = lent.index;
  const host = crypto.randomUUID();
  await tell("ctl", "add_vhost", host);
  await tell("ctl", "set_permissions", "--vhost", host, USER, ".*", ".*", ".*");
  return {
    ...{ ca: lent.ca, dir: lent.dir },
    url: `${lent.url}/${host}`,
    tlsUrl: `${lent.tlsUrl}/${host}`,
    kill9: async () => void (await tell("kill9")),
    restart: async () => void (await tell("restart")),
    ctl: async (...args) => (await tell("ctl", ...args)) as string,
    stop: async () => {
      await tell("restart");
      await tell("ctl", "delete_vhost", host);
      await tell("return");
    },
  };
}
