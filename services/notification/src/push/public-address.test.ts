import { expect, it } from "vitest";
import { isPublicAddress } from "./public-address.ts";

it.each(["1.1.1.1", "203.0.114.1", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::1.1.1.1"])(
  "%s is public",
  (address) => expect(isPublicAddress(address)).toBe(true),
);

it.each([
  ["this machine", ["127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "::"]],
  ["a private network", ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1", "100.64.0.1"]],
  ["this link, and the metadata of clouds", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "168.63.129.16"]],
  ["many at once", ["224.0.0.1", "ff02::1", "255.255.255.255"]],
  ["nobody", ["240.0.0.1", "192.0.2.1", "198.18.0.1", "192.0.0.192", "2001:db8::1", "100.100.100.200"]],
  [
    "IPv4 within IPv6",
    ["::ffff:10.0.0.1", "::ffff:1.1.1.1", "64:ff9b::10.0.0.1", "2002:7f00:1::", "2001::1"],
  ],
  ["no address", ["", "localhost", "1.1.1.1 ", "1.1.1", "fe80::1%eth0"]],
])("what leads to %s is not public", (_what, addresses) => {
  for (const address of addresses) expect(isPublicAddress(address), address).toBe(false);
});
