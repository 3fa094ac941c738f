// The file that names the nodes: where each is, how it is known to be itself, and how many have to agree.
import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { z } from "zod";

const absolutePath = z.string().refine(isAbsolute, "is an absolute path");

/** The certificate itself, so that a file that cannot be read is a fault of the settings. */
const certificates = absolutePath.transform((path, context): string => {
  try {
    const text = readFileSync(path, "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
    context.addIssue({ code: "custom", message: "is a file of certificates in PEM" });
  } catch {
    context.addIssue({ code: "custom", message: "is a file that can be read" });
  }
  return z.NEVER;
});

const address = (protocols: readonly string[]) =>
  z.string().refine(
    (text) => {
      const url = URL.canParse(text) ? new URL(text) : null;
      return url !== null && protocols.includes(url.protocol) && url.username === "" && url.password === "";
    },
    `is an address that begins with ${protocols.join(" or ")} and carries no credentials`,
  );

const node = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "is of small letters, digits and hyphens"),
    url: address(["http:", "https:"]),
    /** The authorities that count for this node, or the node's very certificate; the system's own unless given. */
    caFile: certificates.optional(),
    /** Of a bitcoind on this machine, instead of user and password in the secrets. */
    cookieFile: absolutePath.optional(),
    /** Where bitcoind publishes hashblock or sequence. */
    zmq: address(["tcp:"]).optional(),
    timeoutMs: z.number().int().min(100).max(120_000).default(10_000),
  })
  .refine(({ url, caFile }) => caFile === undefined || url.startsWith("https:"), "has a caFile, but no https address");

/** Credentials in plain text go to this machine only, or on regtest, where they are worth nothing. */
export function isPrivate(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
}

export const nodesFileSchema = z
  .strictObject({
    quorum: z.number().int().min(1).optional(),
    nodes: z.array(node).min(1).max(15),
  })
  .refine(({ nodes }) => new Set(nodes.map(({ name }) => name)).size === nodes.length, "names a node twice")
  .refine(({ nodes }) => new Set(nodes.map(({ url }) => url)).size === nodes.length, "has an address twice")
  // Two halves could agree on two things at once.
  .refine(({ nodes, quorum = majority(nodes) }) => quorum >= majority(nodes) && quorum <= nodes.length, {
    message: "has a quorum that is no majority of its nodes",
    path: ["quorum"],
  });

export type NodesFile = z.output<typeof nodesFileSchema>;

export function quorumOf({ nodes, quorum }: Pick<NodesFile, "nodes" | "quorum">): number {
  return quorum ?? majority(nodes);
}

/** What holds on a network where money is at stake; null when all is well. */
export function objectionTo({ nodes, quorum }: NodesFile, network: string): string | null {
  if (network === "regtest") return null;
  if (nodes.length === 1 && quorum !== 1)
    return 'names one node, which would be believed alone: name more, or say "quorum": 1';
  const exposed = nodes.find(({ url }) => !isPrivate(url));
  return exposed === undefined ? null : `node ${exposed.name} is asked without TLS across a network`;
}

function majority(nodes: readonly unknown[]): number {
  return Math.floor(nodes.length / 2) + 1;
}
