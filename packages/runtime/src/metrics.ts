// The metrics of a process, in the Prometheus text format. Names say what is measured and end in their unit.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export type { Counter, Gauge, Histogram } from "prom-client";

export type MetricSpec<L extends string> = {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly L[];
};

export type Metrics = {
  /** Only rises. Its name ends in _total. */
  counter<L extends string = never>(spec: MetricSpec<L>): Counter<L>;
  /** Rises and falls. `collect` sets it when somebody reads the metrics. */
  gauge<L extends string = never>(
    spec: MetricSpec<L> & { readonly collect?: (gauge: Gauge<L>) => Promise<void> | void },
  ): Gauge<L>;
  /** A distribution, with upper bounds of its buckets in the unit of its name. */
  histogram<L extends string = never>(spec: MetricSpec<L> & { readonly buckets?: readonly number[] }): Histogram<L>;
  /** All of them as text, with the content type that goes with it. */
  text(): Promise<string>;
  readonly contentType: string;
};

/** One registry per process; it begins with what Node tells of itself (memory, event loop, garbage collection). */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  // The event loop's delay is looked at ten times a second; the library's own hundred would be most of what an idle process does.
  collectDefaultMetrics({ register: registry, prefix: "sluice_", eventLoopMonitoringPrecision: 100 });
  const registers = [registry];
  return {
    counter: ({ name, help, labels = [] }) => {
      assertName(name, ["total"]);
      return new Counter({ name, help, labelNames: [...labels], registers });
    },
    gauge: ({ name, help, labels = [], collect }) => {
      assertName(name, METRIC_UNITS);
      const gauge: Gauge<(typeof labels)[number]> = new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      });
      return gauge;
    },
    histogram: ({ name, help, labels = [], buckets = SECONDS_BUCKETS }) => {
      assertName(name, METRIC_UNITS);
      return new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** What the name of a gauge or histogram may end in: a unit, or the plural of what is counted. */
export const METRIC_UNITS = [
  "seconds",
  "bytes",
  "ratio",
  "sat",
  "sat_per_vbyte",
  "vbytes",
  "blocks",
  "coins",
  "connections",
  "entries",
  "frames",
  "holders",
  "messages",
  "requests",
  "rows",
  "tasks",
  "transactions",
  "withdrawals",
  "info",
] as const;

/** From a local call to a block interval. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600];

function assertName(name: string, endings: readonly string[]): void {
  const wellFormed = /^sluice(_[a-z0-9]+){2,}$/.test(name);
  if (wellFormed && endings.some((ending) => name.endsWith(`_${ending}`))) return;
  throw new Error(`metric ${name} does not begin with sluice_ and end in one of: ${endings.join(", ")}`);
}
