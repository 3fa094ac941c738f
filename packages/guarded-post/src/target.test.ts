// Which URLs are refused before anything is resolved, in the spellings by which people have got around such checks.
import { describe, expect, it } from "vitest";
import { parseNetwork } from "./addresses.ts";
import { targetFault } from "./target.ts";

const NOTHING = { allowedNetworks: [], plainHosts: [] };

describe("a URL", () => {
  it.each([
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://①②⑦.0.0.1/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::1]/",
    "https://[::]/",
    "https://0/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/",
    "https://2852039166/",
    "https://10.0.0.1:8443/hook",
    "https://[fe80::1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
  ])("%s is an address that is not public", (url) => {
    expect(targetFault(url, NOTHING)).toMatch(/^is an address that is not public \(/);
  });

  it.each([
    ["http://example.org/", "begins with https:, for this host is not one of those without TLS"],
    ["ftp://example.org/", "begins with https:"],
    ["file:///etc/passwd", "begins with https:"],
    ["gopher://example.org/", "begins with https:"],
    ["https://user@example.org/", "carries a name or password: they belong into no URL"],
    ["https://example.org@127.0.0.1/", "carries a name or password: they belong into no URL"],
    ["https://example.org/#there", "has a fragment, which is sent to nobody"],
    ["https://", "is no URL"],
    ["https://[::ffff:127.0.0.1%lo]/", "is no URL"],
    ["hook", "is no URL"],
    // A name may be anything until it is resolved.
    ["https://localhost/", null],
    ["https://hooks.example.org:8443/a?b=c", null],
    ["https://8.8.8.8/", null],
    ["https://[2606:4700:4700::1111]/", null],
  ])("%s: %s", (url, fault) => expect(targetFault(url, NOTHING)).toBe(fault));

  it("may be inside, or without TLS, where settings say so, and nowhere else", () => {
    const rules = {
      allowedNetworks: ["127.0.0.0/8"].map((text) => parseNetwork(text) ?? { bytes: [], bits: 0 }),
      plainHosts: ["backend", "127.0.0.1:8080"],
    };
    expect(targetFault("http://backend:9000/", rules)).toBeNull();
    expect(targetFault("http://127.0.0.1:8080/", rules)).toBeNull();
    expect(targetFault("https://0x7f.1/", rules)).toBeNull();
    expect(targetFault("http://127.0.0.1:8081/", rules)).toMatch(/^begins with https:/);
    expect(targetFault("http://backend.example.org/", rules)).toMatch(/^begins with https:/);
    expect(targetFault("https://[::1]/", rules)).toMatch(/^is an address that is not public/);
  });
});
