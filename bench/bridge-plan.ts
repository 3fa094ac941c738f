// What is measured on a line, and what its ends are told and tell.

export type Layers = "bare" | "bridge";

export interface EndTask {
  readonly address: string;
  readonly layers: Layers;
  readonly what: What;
  readonly end: "near" | "far";
  readonly privateKey: string;
  readonly publicKeys: Readonly<Record<"near" | "far", string>>;
}

/** Echoes one after the other, or as many bytes one way as the line takes. */
export type What = "round trips" | "throughput";

export type EndResult =
  | { readonly what: "round trips"; readonly us: readonly number[] }
  /** A bare line may lose bytes; the bridge may not. */
  | { readonly what: "throughput"; readonly megabytesPerSecond: number; readonly lostBytes: number };

export const PLAN = {
  roundTripBytes: 256,
  warmUp: 300,
  roundTrips: 2_000,
  messages: 24,
  messageBytes: 1_048_576,
} as const;
