// Nobody but the pinned peer, there now, is ever connected; and each check of that is itself checked by a planted bug.
import { describe, expect, test } from "vitest";
import { Link } from "../src/link.ts";
import { noiseHandshakes } from "../src/noise-session.ts";
import { type PlantedBug, withPlantedModules } from "./planted.ts";
import { attackSessions, type Parts } from "./session-attacks.ts";

test("every attack is refused, and the untampered control connects", () => {
  const { fired, breaches } = attackSessions({ Link, noiseHandshakes });
  process.stdout.write(`session attacks refused: ${JSON.stringify(fired)}\n`);
  expect(breaches).toEqual([]);
  expect(fired).toEqual({
    stranger: 10,
    "replayed session": 40,
    "altered frame": expect.any(Number),
    "forged acknowledgement": 50,
  });
  expect(fired["altered frame"]).toBeGreaterThanOrEqual(80);
});

const BUGS: readonly PlantedBug[] = [
  {
    name: "the ephemeral key is always the same, so that a recorded session fits again",
    file: "noise-session.ts",
    right: "const scalar = randomBytes(32);",
    wrong: "const scalar = new Uint8Array(32).fill(9);",
  },
  {
    name: "the tag is not looked at",
    file: "noise/chacha-poly.ts",
    right: "  } catch {\n    return undefined;",
    wrong: "  } catch {\n    return plain;",
  },
  {
    name: "the header is not authenticated",
    file: "noise-session.ts",
    right: "nonceOf(number), header, ",
    wrong: "nonceOf(number), NOTHING, ",
    everywhere: true,
  },
  {
    name: "the network is not in the prologue",
    file: "noise-session.ts",
    right: ", schema, network];",
    wrong: ", schema];",
  },
  {
    name: "the link id is not in the prologue",
    file: "noise-session.ts",
    right: "PROTOCOL, linkId, ",
    wrong: "PROTOCOL, ",
  },
  {
    name: "the responder is connected by a question alone, without a confirmation",
    file: "link.ts",
    right: 'if (hello.step === "answer") this.#lastHeardAtMs = nowMs;',
    wrong: 'if (hello.step === "question") return [{ kind: "established", fresh: true, peerRestarted: false }];',
  },
  {
    name: "an end is connected although what the other said does not verify",
    file: "link.ts",
    right: 'return this.#doubt("PEER_UNAUTHENTICATED", greeted.detail);',
    wrong: 'return [{ kind: "established", fresh: true, peerRestarted: false }];',
  },
];

describe("bugs planted into the session", () => {
  test.each(BUGS)("$name", async (bug) => {
    const breaches = await withPlantedModules(bug, ["link.ts", "noise-session.ts"], (modules): readonly string[] => {
      const [link, noise] = modules as unknown as [Pick<Parts, "Link">, Pick<Parts, "noiseHandshakes">];
      return attackSessions({ Link: link.Link, noiseHandshakes: noise.noiseHandshakes }).breaches;
    });
    process.stdout.write(`planted: ${bug.name}: ${breaches[0]}\n`);
    expect(breaches.length).toBeGreaterThan(0);
    // Found by the attack, not because nothing works any more.
    expect(breaches[0]).not.toContain("control");
  });
});
