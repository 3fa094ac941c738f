// An answer counts only for the partitions that it names.

import { describe, expect, it } from "vitest";
import { unacknowledged } from "./publisher.ts";

const entry = (topicName: string, partition: number, errorCode = 0) => ({ topicName, partition, errorCode });

describe("unacknowledged", () => {
  it("is empty when every chosen partition was acknowledged", () => {
    expect(unacknowledged("t", new Set([0, 2]), [entry("t", 2), entry("t", 0)])).toEqual([]);
  });
  it("names partitions that the answer leaves out, refuses, or gives for another topic", () => {
    expect(unacknowledged("t", new Set([0, 1, 2]), [entry("t", 0), entry("t", 1, 6), entry("u", 2)])).toEqual([1, 2]);
    expect(unacknowledged("t", new Set([0]), [])).toEqual([0]);
  });
});
