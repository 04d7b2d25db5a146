import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientAddress, LOOPBACK, limitKey, trustedProxies } from "./client-address.ts";

const proxies = trustedProxies.parse("10.0.0.0/8, 127.0.0.1, fd00::/8");

describe("the address of a client", () => {
  test.each([
    ["the peer, when nobody says more", "203.0.113.7", undefined, "203.0.113.7"],
    [
      "the peer, whatever it claims, when it is no trusted proxy",
      "203.0.113.7",
      "198.51.100.1",
      "203.0.113.7",
    ],
    ["what a trusted proxy saw", "10.0.0.1", "203.0.113.7", "203.0.113.7"],
    ["what the last untrusted hop is, not what it claims", "10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"],
    ["found through several proxies", "10.0.0.1", "1.1.1.1, 203.0.113.7, 10.2.3.4, fd00::1", "203.0.113.7"],
    ["the furthest proxy, when all are trusted", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["not a trusted address that the client claims", "10.0.0.1", "10.9.9.9, 203.0.113.7", "203.0.113.7"],
    ["the last trusted hop before what is no address", "10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"],
    [
      "the last trusted hop before an address with a port",
      "10.0.0.1",
      "203.0.113.7:4711, 10.0.0.2",
      "10.0.0.2",
    ],
    ["the peer, when the header is empty", "10.0.0.1", "", "10.0.0.1"],
    ["the peer, when the header is commas", "10.0.0.1", ",,,", "10.0.0.1"],
    ["IPv4, when it comes within IPv6", "::ffff:203.0.113.7", undefined, "203.0.113.7"],
    ["trusted as IPv4 when it comes within IPv6", "::ffff:10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"],
    ["one text for each IPv6 address", "fd00::1", "2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["without the zone of a link", "fe80::1%eth0", undefined, "fe80::1"],
    ["not found in short or octal forms", "10.0.0.1", "0x7f.1", "10.0.0.1"],
    ["not found in octal forms", "10.0.0.1", "0177.0.0.1", "10.0.0.1"],
  ])("is %s", (_what, peer, forwardedFor, expected) => {
    expect(clientAddress({ peer, forwardedFor }, proxies)).toBe(expected);
  });

  test("is unknown where the runtime does not tell the peer, whatever the header says", () => {
    expect(clientAddress({ peer: undefined, forwardedFor: "203.0.113.7" }, proxies)).toBeUndefined();
  });

  test("is never what an untrusted client says, whatever that is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (claim) => {
        const forwardedFor = `${claim}, 203.0.113.7`;
        expect(clientAddress({ peer: "10.0.0.1", forwardedFor }, proxies)).toBe("203.0.113.7");
        expect(clientAddress({ peer: "203.0.113.7", forwardedFor: claim }, LOOPBACK)).toBe("203.0.113.7");
      }),
    );
  });

  test("is found in a header as long as headers may be", () => {
    const forwardedFor = `203.0.113.7${", 10.0.0.2".repeat(1800)}`;
    expect(clientAddress({ peer: "10.0.0.1", forwardedFor }, proxies)).toBe("203.0.113.7");
  });
});

test("trusted proxies are networks or addresses, and what is neither is refused", () => {
  const count = (text: string) => trustedProxies.safeParse(text).data?.length;
  expect(count("none")).toBe(0);
  expect(count("10.0.0.0/8")).toBe(1);
  expect(count("10.0.0.0/8,192.168.1.1, ::1 ,fd00::/8")).toBe(4);
  for (const text of ["*", "10.0.0.0/33", "10/8", "10.0.0.0/8 fd00::/8", "proxy.example", "::1/129", "/8"]) {
    expect(count(text), text).toBeUndefined();
  }
  expect(count("::ffff:10.0.0.0/104"), "never met, since such addresses count as IPv4").toBeUndefined();
});

test("limits count IPv4 by address, IPv6 by /64, and those without an address together", () => {
  expect(limitKey("203.0.113.7")).toBe("203.0.113.7");
  expect(limitKey("::ffff:203.0.113.7")).toBe("203.0.113.7");
  expect(limitKey("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(limitKey("2001:db8:1:2::")).toBe(limitKey("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  expect(limitKey("2001:db8:1:3::")).not.toBe(limitKey("2001:db8:1:2::"));
  for (const none of [undefined, "", "garbage"]) expect(limitKey(none)).toBe("unknown");
});
