import { z } from "zod";
import { EVENT_EXCHANGE, type EventType, eventSchema, eventTypes } from "./events.ts";

const BINDING_VERSION = "0.3.0";

/** The JSON schema (draft 2020-12) of an event of one type, as consumers read it. */
function schemaOf(type: EventType): Record<string, unknown> {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(eventSchema(type), { io: "input" });
  return schema;
}

/** `user.account-registered` becomes `userAccountRegistered`: names of components hold no dots. */
function nameOf(type: EventType): string {
  return type.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase());
}

function channelOf(type: EventType): Record<string, unknown> {
  return {
    address: type,
    messages: { [nameOf(type)]: { $ref: `#/components/messages/${nameOf(type)}` } },
    bindings: {
      amqp: {
        is: "routingKey",
        exchange: { name: EVENT_EXCHANGE, type: "topic", durable: true, autoDelete: false },
        bindingVersion: BINDING_VERSION,
      },
    },
  };
}

function messageOf(type: EventType): Record<string, unknown> {
  return {
    name: type,
    summary: eventSchema(type).shape.data.description,
    contentType: "application/json",
    payload: {
      schemaFormat: "application/schema+json;version=draft-2020-12",
      schema: schemaOf(type),
    },
    bindings: { amqp: { messageType: type, bindingVersion: BINDING_VERSION } },
  };
}

function operationOf(type: EventType): Record<string, unknown> {
  const channel = `#/channels/${nameOf(type)}`;
  return {
    action: "send",
    channel: { $ref: channel },
    messages: [{ $ref: `${channel}/messages/${nameOf(type)}` }],
  };
}

function byName(make: (type: EventType) => Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(eventTypes.map((type) => [nameOf(type), make(type)]));
}

/** What Sotto publishes on the bus, as an AsyncAPI 3.0 document, made from the schemas that every event is checked by. */
export function eventDocument(): Record<string, unknown> {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Sotto events",
      version: "1",
      description:
        "Domain events, metadata only. Delivered at least once; events of one `key` in their order. See events.md.",
    },
    defaultContentType: "application/json",
    servers: {
      broker: {
        host: "rabbitmq.example.org",
        protocol: "amqps",
        description: "The broker of the installation (MESSAGE_BROKER_URL).",
      },
    },
    channels: byName(channelOf),
    operations: byName(operationOf),
    components: { messages: byName(messageOf) },
  };
}
