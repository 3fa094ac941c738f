// What each holder of a stack runs with: the curve library, and what it is told of this machine's swap.

import { readFileSync } from "node:fs";
import { HOLDERS } from "@sluice/contracts";
import { findCurveLibrary } from "../parts/curve-library.ts";
import type { Log } from "../parts/find-part.ts";
import type { Surroundings } from "./processes.ts";

/** The first holder runs the npm package's library, so that a poisoned one there is one holder. */
const ADDON_HOLDER = HOLDERS[0];

export async function planHolders(log: Log): Promise<Pick<Surroundings, "curveOf" | "swap">> {
  const library = await findCurveLibrary(log);
  if ("missing" in library) log(`curve: ALL THREE HOLDERS RUN THE SAME LIBRARY: ${library.missing}`);
  else log(`curve: ${ADDON_HOLDER} runs the npm package's library, the others ${library.path}`);
  const swap = machineSwaps() ? "tolerated" : "none";
  if (swap === "tolerated") log("swap: THIS MACHINE SWAPS; the holders tolerate it, on a test network only");
  return {
    swap,
    curveOf: (holder) => ("path" in library && holder !== ADDON_HOLDER ? `library:${library.path}` : "addon"),
  };
}

/** A heading, then a line for each device. A machine that does not tell is taken for one that swaps. */
function machineSwaps(): boolean {
  try {
    return readFileSync("/proc/swaps", "utf8").trim().split("\n").length > 1;
  } catch {
    return true;
  }
}
