// The table of messages says who reads and who publishes what, and leaves nobody unread or unwritten.
import { describe, expect, it } from "vitest";
import { HOLDERS, PRODUCERS } from "./producers.ts";
import { confirmersOf, MESSAGE_TYPES, MESSAGES, TOPICS, topicsFor, topicsFrom } from "./table.ts";

const RECEIPT = "message.received.v1";
/** Said to oneself. */
const MARK = "database.marked.v1";

describe("the table of messages", () => {
  it("has a reader for every topic and one publisher, but for receipts and marks, which all write", () => {
    for (const topic of TOPICS.filter((name) => name !== RECEIPT && name !== MARK)) {
      expect(
        PRODUCERS.filter((name) => topicsFrom(name).includes(topic)),
        topic,
      ).toHaveLength(1);
      expect(PRODUCERS.filter((name) => topicsFor(name).includes(topic)).length, topic).toBeGreaterThan(0);
    }
  });

  it("waits for the receipt of everybody who reads a topic, and of nobody for a receipt", () => {
    for (const type of MESSAGE_TYPES) {
      const readers = PRODUCERS.filter((name) => name !== "semi-offline-risk" && topicsFor(name).includes(type));
      expect([...confirmersOf(type)].sort(), type).toEqual(type === RECEIPT ? [] : readers.sort());
    }
    expect(confirmersOf("risk.reported.v1")).toEqual(["online-risk"]);
    const publishers = PRODUCERS.filter((name) => topicsFrom(name).some((type) => confirmersOf(type).length > 0));
    expect(PRODUCERS.filter((name) => topicsFor(name).includes(RECEIPT))).toEqual(publishers);
  });

  it("keeps off the topics what only crosses the bridge", () => {
    for (const type of MESSAGE_TYPES) expect(TOPICS.includes(type), type).toBe(MESSAGES[type].route !== "bridge");
  });

  it("gives the semi-offline zone no topic to read or to publish on but through vault", () => {
    for (const holder of HOLDERS) expect([topicsFor(holder), topicsFrom(holder)]).toEqual([[], []]);
    expect(topicsFrom("semi-offline-risk")).toEqual([]);
    expect(topicsFrom("vault")).toEqual(expect.arrayContaining(["risk.reported.v1", "zone.reported.v1"]));
    expect(topicsFor("vault")).not.toContain("risk.reported.v1");
    expect(topicsFor("online-risk")).toEqual(expect.arrayContaining(["risk.reported.v1", "zone.reported.v1"]));
  });

  it("names every message noun.past-participle.version", () => {
    for (const type of MESSAGE_TYPES) expect(type).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z]+\.v[1-9]$/);
  });
});
