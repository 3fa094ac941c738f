// Metrics: what is counted comes out as text under its name, and a name without its unit is not accepted.
import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("counters, gauges and histograms come out with the service's name", async () => {
  const metrics = createMetrics("vault");
  metrics.counter({ name: "sluice_frames_total", help: "Frames.", labels: ["direction"] }).inc({ direction: "in" }, 3);
  metrics.gauge({ name: "sluice_outbox_rows", help: "Rows.", collect: (gauge) => gauge.set(7) });
  metrics.histogram({ name: "sluice_step_seconds", help: "Time.", buckets: [1] }).observe(0.5);
  const text = await metrics.text();
  expect(text).toContain('sluice_frames_total{direction="in",service="vault"} 3');
  expect(text).toContain('sluice_outbox_rows{service="vault"} 7');
  expect(text).toContain('sluice_step_seconds_bucket{le="1",service="vault"} 1');
  expect(text).toContain("sluice_process_resident_memory_bytes");
});

test("two registries know nothing of each other", async () => {
  createMetrics("a").counter({ name: "sluice_frames_total", help: "Frames." }).inc();
  expect(await createMetrics("b").text()).not.toContain("sluice_frames_total");
});

test.each(["frames_total", "sluice_Frames_total", "sluice_frames", "sluice_total", "sluice_frames_seconds"])(
  "no counter is called %s",
  (name) => {
    expect(() => createMetrics("a").counter({ name, help: "?" })).toThrow("does not begin with sluice_");
  },
);

test.each(["sluice_delay_ms", "sluice_delay", "sluice_frames_total"])("no gauge or histogram is called %s", (name) => {
  const metrics = createMetrics("a");
  expect(() => metrics.gauge({ name, help: "?" })).toThrow("does not begin with sluice_");
  expect(() => metrics.histogram({ name, help: "?" })).toThrow("does not begin with sluice_");
});
