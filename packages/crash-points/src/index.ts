// For tests alone: walks a process through its crash points, each of which ends one life of it.
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** For `node`, before its script: the process notes each crash point that it reaches, and dies when it is at the given one for the nth time. */
export function crashArming(reachedFile: string, point?: string, occurrence = 1): readonly string[] {
  const url = new URL("arm.ts", import.meta.url);
  url.searchParams.set("reached", reachedFile);
  if (point !== undefined) url.searchParams.set("point", `${point}#${occurrence}`);
  return ["--import", url.href];
}

/** The places before and after each of these effects, in their order. */
export function pointsAround(effects: readonly string[]): readonly string[] {
  return effects.flatMap((effect) => [`before ${effect}`, `after ${effect}`]);
}

/** Done by the clock or by every online service alike: treasury walks through them for all. */
export const COMMON_EFFECTS = [
  "migrate",
  "messaging/settle settleTogether",
  "messaging/outbox markPublished",
  "messaging/optional-readers setOptionalReaders",
  "online-service/high-water mark",
  "online-service/high-water beginRecovery",
  "online-service/high-water endRecovery",
  "kafka outbox",
  "kafka receipts",
  "kafka mark",
  "kafka offset",
] as const;

/** Every point that processes armed with this file have reached, without those around the effects that are left out. */
export function reachedPoints(reachedFile: string, without: readonly string[] = []): readonly string[] {
  const text = existsSync(reachedFile) ? readFileSync(reachedFile, "utf8").trim() : "";
  const left = new Set(text === "" ? [] : text.split("\n"));
  for (const point of pointsAround(without)) left.delete(point);
  return [...left].toSorted();
}

/** Far longer than any of them takes: a point that is never reached is said, and nobody waits for ever. */
const LONGEST_MS = 300_000;

/**
 * Has one process after the other die, each at the next point, and counts; throws at the first that ends otherwise.
 * @param live starts the process with these flags, gives it what leads it to the point, and resolves to how it ended
 */
export async function walkPoints(
  points: readonly string[],
  reachedFile: string,
  live: (point: string, flags: readonly string[]) => Promise<string | null>,
): Promise<number> {
  let killed = 0;
  for (const point of points) {
    const late = delay(LONGEST_MS, "not reached", { ref: false });
    const ended = await Promise.race([live(point, crashArming(reachedFile, point)), late]);
    if (ended !== "SIGKILL") throw new Error(`${point}: ${ended}; reached: ${reachedPoints(reachedFile).join(", ")}`);
    killed += 1;
  }
  return killed;
}
