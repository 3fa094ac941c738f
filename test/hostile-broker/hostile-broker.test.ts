// SAFETY A4: whatever a broker does, only delay may result. A whole stack behind one that does everything at once.

import { startParts } from "@sluice/devstack";
import { expect, it } from "vitest";
import { DEEDS } from "./deeds.ts";
import { runHostile } from "./hostile-run.ts";

const UNTOUCHED = 6;
const ATTACKED = 44;
const SEED = 20_261_121;

it("a broker that drops, doubles, reorders, forges, forgets and deletes only delays", {
  timeout: 240_000,
}, async () => {
  const lines: string[] = [];
  // The parts are up already and named in the environment, so this starts nothing.
  const parts = await startParts({ log: (line) => void lines.push(line) });
  const load = { seed: SEED, untouched: UNTOUCHED, attacked: ATTACKED, perSecond: 20 };
  const { control, attacked, faults } = await runHostile({ ...load, parts, log: (line) => void lines.push(line) });

  expect(faults).toEqual([]);
  expect([control.violations, control.completed, control.refused]).toEqual([[], UNTOUCHED, {}]);
  expect(DEEDS.filter((deed) => control.deeds[deed] > 0)).toEqual([]);

  expect(attacked.violations).toEqual([]);
  expect(DEEDS.filter((deed) => attacked.deeds[deed] === 0)).toEqual([]);
  expect(Object.values(attacked.refused).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(0);
  expect(attacked.sentAgain).toBeGreaterThan(0);
  expect(attacked.namedReaders).not.toEqual([]);
  const refused = JSON.stringify(attacked.refused);
  process.stdout.write(
    `hostile broker: seed ${SEED}, ${attacked.completed} withdrawals paid once each, ${attacked.sentAgain} messages sent again; ` +
      `${JSON.stringify(attacked.deeds)}; parked ${refused}; the first ${control.completed} untouched\n`,
  );
});
