// An application that stands still: news still passes, the sender is told that its messages are overdue, and none is dropped.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BridgeDiagnostic } from "../src/index.ts";
import { type BridgeFixture, bytesOf, startFixture, text } from "./bridge-fixture.ts";

let fixture: BridgeFixture;

beforeEach(() => {
  fixture = startFixture();
});

afterEach(() => fixture.end());

test("what waits past its deadline is told of once, counted, and accepted all the same; urgent messages pass it", async () => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const accepted: string[] = [];
  let tell = (): void => {};
  const told = new Promise<void>((resolve) => (tell = resolve));
  const diagnostics: BridgeDiagnostic[] = [];
  const left = fixture.bridge("left", {
    limits: { deadlineMs: 3_600_000 },
    onDiagnostic: (event) => {
      if (event.code !== "MESSAGE_OVERDUE") return;
      diagnostics.push(event);
      tell();
    },
  });
  fixture.bridge("right", {
    onMessage: async (bytes) => {
      if (text(bytes).startsWith("task")) await released;
      accepted.push(text(bytes));
    },
  });
  const tasks = [
    left.send(bytesOf("task in time")),
    left.send(bytesOf("task overdue"), { deadlineMs: 100 }),
    left.send(bytesOf("task after it")),
  ];
  for (let number = 0; number < 20; number++) await left.send(bytesOf(`news ${number}`), { priority: "urgent" });
  expect(accepted).toEqual(Array.from({ length: 20 }, (_, number) => `news ${number}`));

  await told;
  expect(diagnostics).toEqual([
    { code: "MESSAGE_OVERDUE", priority: "ordinary", deadlineMs: 100, waitedMs: expect.any(Number) },
  ]);
  expect(left.stats()).toMatchObject({ overdueMessages: 1, messagesOverdue: 1, pendingMessages: 3 });

  release();
  await Promise.all(tasks);
  expect(accepted.slice(20)).toEqual(["task in time", "task overdue", "task after it"]);
  expect(left.stats()).toMatchObject({ overdueMessages: 0, messagesOverdue: 1, pendingMessages: 0, messagesSent: 23 });
  expect(diagnostics).toHaveLength(1);
});

test("an urgent message over its maximum is refused with its code, and says so", async () => {
  const left = fixture.bridge("left");
  await expect(left.send(new Uint8Array(262_145), { priority: "urgent" })).rejects.toMatchObject({
    code: "BRIDGE_MESSAGE_TOO_LARGE",
    message: expect.stringContaining("urgent messages have at most 262144 bytes"),
  });
});
