// The command's own manners: help, wrong words, refusals, JSON, exit codes.
import { expect, test } from "vitest";
import { type Command, requiredText } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { runCommand } from "./run-command.ts";

const example: Command = {
  name: "do this",
  summary: "does this",
  usage: ["--how WORD   how"],
  options: { how: { type: "string" } },
  run: async (values) => {
    const how = requiredText(values, "how");
    if (how === "not") return { kind: "refused", faults: [{ code: "NOT_LIKE_THAT", message: "not like that" }] };
    if (how === "alone") return { kind: "unavailable", faults: [{ code: "NOBODY", message: "nobody" }] };
    if (how === "badly") throw new Error("it broke");
    return { kind: "done", lines: [`done ${how}`], json: { how } };
  },
};

async function run(...words: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand([{ ...example, name: "do", usage: [] }, example], words, {
    stdout: (line) => void out.push(line),
    stderr: (line) => void err.push(line),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test.each([
  [["do", "this", "--how", "well"], 0, "done well", ""],
  [["do", "this", "--how", "well", "--json"], 0, '{"ok":true,"how":"well"}', ""],
  [["do", "this", "--how", "not"], 65, "", "NOT_LIKE_THAT: not like that"],
  [
    ["do", "this", "--how", "not", "--json"],
    65,
    '{"ok":false,"faults":[{"code":"NOT_LIKE_THAT","message":"not like that"}]}',
    "",
  ],
  [["do", "this", "--how", "alone"], 69, "", "NOBODY: nobody"],
  [["do", "this", "--how", "badly"], 70, "", "do this broke: it broke"],
])("%j exits %i", async (words, code, out, err) => {
  expect(await run(...words)).toEqual({ code, out, err });
});

test.each([[["do", "this"]], [["do", "this", "--what"]], [["do", "this", "--how", "a", "b"]], [["do", "that"]]])(
  "%j shows the usage and exits 64",
  async (words) => {
    const { code, out, err } = await run(...words);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain("usage: sluice do");
  },
);

test("help is no mistake; no command or an unknown one is", async () => {
  expect((await run("--help")).code).toBe(0);
  expect((await run("do", "this", "--help")).out).toContain("--how WORD   how");
  expect(await run()).toMatchObject({ code: 64, out: "" });
  expect((await run("fly")).err).toContain("no such command: fly");
});

test("every command is named once and says how it is used", () => {
  const names = COMMANDS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, options, usage } of COMMANDS) {
    for (const option of Object.keys(options)) expect(usage.join("\n"), name).toContain(`--${option}`);
  }
});
