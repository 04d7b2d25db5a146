import type { DeviceMismatch } from "@sotto/contracts/message-api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findMismatches, type Roster } from "./device-match.ts";

type Recipients = Parameters<typeof findMismatches>[0];

/** The rule as it is written in the protocol, set by set, with no thought for speed. */
function expected(recipients: Recipients, roster: Roster, sender: string): DeviceMismatch {
  const accounts = new Set([...recipients.map(({ accountId }) => accountId), ...roster.keys()]);
  return [...accounts].flatMap((accountId) => {
    const given = recipients.find((each) => each.accountId === accountId)?.devices ?? [];
    const needed = [...(roster.get(accountId) ?? [])].filter(([deviceId]) => deviceId !== sender);
    const registrationOf = new Map(needed);
    const missing = needed
      .filter(([deviceId]) => !given.some((each) => each.deviceId === deviceId))
      .map(([deviceId, registrationId]) => ({ deviceId, registrationId }));
    const extra = given.filter(({ deviceId }) => !registrationOf.has(deviceId)).map((each) => each.deviceId);
    const stale = given
      .filter((each) => {
        const current = registrationOf.get(each.deviceId);
        return current !== undefined && current !== each.registrationId;
      })
      .map(({ deviceId }) => ({ deviceId, registrationId: registrationOf.get(deviceId) as number }));
    const named = recipients.some((each) => each.accountId === accountId);
    return missing.length + extra.length + stale.length > 0 || !named
      ? [{ accountId, missing, extra, stale }]
      : [];
  });
}

const account = fc.constantFrom("a", "b", "c", "d");
const deviceOf = (accountId: string) => fc.constantFrom(`${accountId}1`, `${accountId}2`, `${accountId}3`);
const registrationId = fc.integer({ min: 1, max: 3 });

const rosters = fc
  .uniqueArray(account, { minLength: 1, maxLength: 4 })
  .chain((accounts) =>
    fc.tuple(
      ...accounts.map((accountId) =>
        fc
          .uniqueArray(fc.tuple(deviceOf(accountId), registrationId), {
            selector: ([id]) => id,
            maxLength: 3,
          })
          .map((devices) => [accountId, new Map(devices)] as const),
      ),
    ),
  )
  .map((entries): Roster => new Map(entries));

const recipientLists = fc.uniqueArray(
  account.chain((accountId) =>
    fc.record({
      accountId: fc.constant(accountId),
      devices: fc.uniqueArray(
        fc.record({
          // Now and then a device of another account.
          deviceId: fc.oneof({ weight: 4, arbitrary: deviceOf(accountId) }, account.chain(deviceOf)),
          registrationId,
          envelope: fc.constant("AA=="),
        }),
        { selector: ({ deviceId }) => deviceId, maxLength: 4 },
      ),
    }),
  ),
  { selector: ({ accountId }) => accountId, maxLength: 4 },
);

/** Exactly the envelopes that a roster asks for. */
function fitting(roster: Roster, sender: string): Recipients {
  return [...roster].map(([accountId, devices]) => ({
    accountId,
    devices: [...devices]
      .filter(([deviceId]) => deviceId !== sender)
      .map(([deviceId, registration]) => ({ deviceId, registrationId: registration, envelope: "AA==" })),
  }));
}

const byAccount = (mismatches: DeviceMismatch) =>
  mismatches
    .map(({ accountId, missing, extra, stale }) => ({
      accountId,
      missing: missing.toSorted((a, b) => a.deviceId.localeCompare(b.deviceId)),
      extra: extra.toSorted(),
      stale: stale.toSorted((a, b) => a.deviceId.localeCompare(b.deviceId)),
    }))
    .sort((a, b) => a.accountId.localeCompare(b.accountId));

describe("the comparison of envelopes with devices", () => {
  test("answers what the rule says, for any roster and any envelopes", () => {
    fc.assert(
      fc.property(recipientLists, rosters, account.chain(deviceOf), (recipients, roster, sender) => {
        const found = findMismatches(recipients, roster, sender);
        expect(byAccount(found)).toEqual(byAccount(expected(recipients, roster, sender)));
      }),
      { numRuns: 2000 },
    );
  });

  test("finds nothing wrong with exactly the devices of every member but the sending one", () => {
    fc.assert(
      fc.property(rosters, account.chain(deviceOf), (roster, sender) => {
        expect(findMismatches(fitting(roster, sender), roster, sender)).toEqual([]);
      }),
    );
  });

  test("refuses to leave out a member that has no device yet: it may get one before the commit", () => {
    expect(findMismatches([], new Map([["a", new Map()]]), "a1")).toEqual([
      { accountId: "a", missing: [], extra: [], stale: [] },
    ]);
  });

  test("refuses an envelope for the sending device itself", () => {
    const roster: Roster = new Map([["a", new Map([["a1", 7]])]]);
    const recipients = [
      { accountId: "a", devices: [{ deviceId: "a1", registrationId: 7, envelope: "AA==" }] },
    ];
    expect(findMismatches(recipients, roster, "a1")).toEqual([
      { accountId: "a", missing: [], extra: ["a1"], stale: [] },
    ]);
  });

  test("needs the sender's own other devices", () => {
    const roster: Roster = new Map([
      [
        "a",
        new Map([
          ["a1", 7],
          ["a2", 8],
        ]),
      ],
    ]);
    expect(findMismatches([{ accountId: "a", devices: [] }], roster, "a1")).toEqual([
      { accountId: "a", missing: [{ deviceId: "a2", registrationId: 8 }], extra: [], stale: [] },
    ]);
  });
});
