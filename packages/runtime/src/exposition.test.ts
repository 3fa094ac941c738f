// Metrics of several processes in one text.
import { describe, expect, it } from "vitest";
import { joinExpositions } from "./exposition.ts";

describe("joinExpositions", () => {
  it("names every family once and keeps all its samples together", () => {
    const first =
      '# HELP a_total A.\n# TYPE a_total counter\na_total{service="x"} 1\n\n# TYPE b_seconds histogram\nb_seconds_bucket{le="1"} 2\nb_seconds_sum 1.5\nb_seconds_count 2\n';
    const second = '# HELP a_total A, said otherwise.\n# TYPE a_total counter\na_total{service="y"} 3\n';
    expect(joinExpositions([first, second]).split("\n")).toEqual([
      "# HELP a_total A.",
      "# TYPE a_total counter",
      'a_total{service="x"} 1',
      'a_total{service="y"} 3',
      "",
      "# TYPE b_seconds histogram",
      'b_seconds_bucket{le="1"} 2',
      "b_seconds_sum 1.5",
      "b_seconds_count 2",
      "",
    ]);
  });

  it("leaves out what is no metric", () => {
    expect(joinExpositions(["hello there, this is no metric\n<html>\nok_total 1\n"])).toBe("ok_total 1\n");
  });
});
