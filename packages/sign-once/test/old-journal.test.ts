// A journal that a holder wrote before coins could be shared (commit 44a29b9) is read, and the rule of today goes by it.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { decideSigning, openJournal } from "../src/index.ts";

const WRITTEN = fileURLToPath(new URL("before-adr-18.journal", import.meta.url));
const id = (letter: string) => letter.repeat(64);
const [ANCHOR, ADDED, OWN] = [`${id("a")}:0`, `${id("b")}:1`, `${id("c")}:0`];

test("a journal from before is whole, and says which coin a version does without", () => {
  const folder = mkdtempSync(join(tmpdir(), "old-journal-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(WRITTEN, join(folder, "semi-offline-signer-a.journal"));
  const journal = openJournal(folder, "semi-offline-signer-a");
  onTestFinished(() => journal.close());
  expect([journal.entries, journal.refusals, journal.trimmedBytes]).toEqual([2, 1, 0]);
  const asked = (inputs: readonly string[], taskId = "t9") => {
    const withdrawals = [{ withdrawalId: "w2", anchor: inputs[0] ?? "" }];
    const decided = decideSigning(journal.history, {
      ...{ taskId, walletId: "hot", transactionId: id("9"), inputs, withdrawals },
    });
    return decided.ok ? decided.value : decided.refusal.code;
  };
  expect(asked([OWN, ADDED])).toBe("first");
  expect(asked([ADDED, OWN])).toBe("INPUT_ALREADY_SIGNED");
  expect(asked([OWN, ANCHOR])).toBe("INPUT_ALREADY_SIGNED");
  expect(asked([OWN, ADDED], "t3")).toBe("TASK_REFUSED_BEFORE");
});
