// The enemy's book: what was really tried, and how each was refused. A suite that tried nothing has shown nothing.

export type Attempts = {
  /** Notes that an attack goes out, and what refused it once that is known. */
  readonly attempt: (name: string, attack: () => Promise<string>) => Promise<void>;
  /** Notes that the same thing without the enemy's change went through. */
  readonly control: (name: string) => void;
  readonly fired: () => number;
  readonly refused: () => number;
  readonly controls: () => number;
  /** One line each, for a person. */
  readonly lines: () => readonly string[];
};

export function createAttempts(): Attempts {
  const attempts = new Map<string, string | null>();
  const controls = new Set<string>();
  return {
    attempt: async (name, attack) => {
      if (attempts.has(name)) throw new Error(`two attacks are called "${name}"`);
      attempts.set(name, null);
      attempts.set(name, await attack());
    },
    control: (name) => void controls.add(name),
    fired: () => attempts.size,
    refused: () => [...attempts.values()].filter((how) => how !== null).length,
    controls: () => controls.size,
    lines: () => [
      ...[...attempts].map(([name, how]) => `  ${how ?? "NOT REFUSED"}: ${name}`),
      ...[...controls].map((name) => `  went through: ${name}`),
    ],
  };
}
