// What a URL has to be before anything is resolved or connected for it.
import { isIP } from "node:net";
import { type Network, refusedAs } from "./addresses.ts";

export type TargetRules = {
  /** Ranges that may be posted to although they are inside. */
  readonly allowedNetworks: readonly Network[];
  /** Names (`host` or `host:port`) that may be posted to without TLS. */
  readonly plainHosts: readonly string[];
};

/** The rule that the URL breaks, or null. A name passes here: what it resolves to is checked when it is connected to. */
export function targetFault(text: string, { allowedNetworks, plainHosts }: TargetRules): string | null {
  const url = URL.parse(text);
  if (url === null) return "is no URL";
  const { protocol, hostname, host, username, password, hash } = url;
  if (protocol !== "https:" && protocol !== "http:") return "begins with https:";
  if (username !== "" || password !== "") return "carries a name or password: they belong into no URL";
  if (hash !== "") return "has a fragment, which is sent to nobody";
  if (protocol === "http:" && !plainHosts.includes(host) && !plainHosts.includes(hostname)) {
    return "begins with https:, for this host is not one of those without TLS";
  }
  // URL has made one spelling of all by now: 0x7f.1, 2130706433 and 127.0.0.1 are the same.
  const literal = literalOf(url);
  const refused = literal === null ? null : refusedAs(literal, allowedNetworks);
  return refused === null ? null : `is an address that is not public (${refused})`;
}

/** The address itself where the URL names one, and no name. */
export function literalOf({ hostname }: URL): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(bare) === 0 ? null : bare;
}
