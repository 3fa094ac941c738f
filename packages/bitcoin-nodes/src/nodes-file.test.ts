// The nodes file: what is refused, and how many have to agree.
import { describe, expect, it } from "vitest";
import { nodesFileSchema, objectionTo, quorumOf } from "./nodes-file.ts";

const node = (name: string, more: object = {}) => ({ name, url: `https://${name}.example:8332`, ...more });
const faultsOf = (file: unknown): readonly string[] => {
  const read = nodesFileSchema.safeParse(file);
  return read.success ? [] : read.error.issues.map(({ message }) => message);
};
const nodes = (count: number) => Array.from({ length: count }, (_, at) => node(`n${at}`));

describe("the nodes file", () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ])("of %i nodes demands %i unless told otherwise", (count, quorum) => {
    expect(quorumOf(nodesFileSchema.parse({ nodes: nodes(count) }))).toBe(quorum);
    expect(quorumOf(nodesFileSchema.parse({ nodes: nodes(count), quorum: count }))).toBe(count);
    for (const wrong of [quorum - 1, count + 1].filter((each) => each > 0)) {
      expect(faultsOf({ nodes: nodes(count), quorum: wrong })).toEqual([
        "has a quorum that is no majority of its nodes",
      ]);
    }
  });

  it.each([
    ["no node", { nodes: [] }],
    ["a name twice", { nodes: [node("a"), node("a", { url: "https://b.example" })] }],
    ["an address twice", { nodes: [node("a"), node("b", { url: "https://a.example:8332" })] }],
    ["credentials in the address", { nodes: [node("a", { url: "https://user:password@a.example" })] }],
    ["another protocol", { nodes: [node("a", { url: "ftp://a.example" })] }],
    ["a certificate without TLS", { nodes: [node("a", { url: "http://a.example", caFile: import.meta.filename })] }],
    ["a certificate that is none", { nodes: [node("a", { caFile: import.meta.filename })] }],
    ["a certificate that is not there", { nodes: [node("a", { caFile: "/nowhere/ca.pem" })] }],
    ["a name of another kind", { nodes: [node("A b")] }],
    ["what nobody knows", { nodes: [node("a", { pasword: "x" })] }],
  ])("with %s is refused", (_what, file) => expect(faultsOf(file).length).toBeGreaterThan(0));

  it("of one node is taken on regtest, and elsewhere only by whoever says so", () => {
    const one = nodesFileSchema.parse({ nodes: nodes(1) });
    expect(objectionTo(one, "regtest")).toBeNull();
    expect(objectionTo(one, "mainnet")).toContain("believed alone");
    expect(objectionTo({ ...one, quorum: 1 }, "mainnet")).toBeNull();
  });

  it("sends no password in plain text across a network, but on regtest", () => {
    const plain = nodesFileSchema.parse({ nodes: [node("a", { url: "http://a.example" }), ...nodes(1)] });
    expect(objectionTo(plain, "mainnet")).toContain("without TLS");
    expect(objectionTo(plain, "regtest")).toBeNull();
    for (const url of ["http://127.0.0.1:8332", "http://[::1]:8332", "http://localhost:8332"]) {
      expect(objectionTo(nodesFileSchema.parse({ nodes: [node("a", { url }), ...nodes(1)] }), "mainnet")).toBeNull();
    }
  });
});
