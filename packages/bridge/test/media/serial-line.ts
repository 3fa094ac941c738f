// A serial line made of two pseudo-terminals as a medium for carriers.
import { writeFileSync } from "node:fs";
import { onewayCarrier } from "../../src/oneway.ts";
import { serialCarrier } from "../../src/serial.ts";
import { type MediumKind, makeFolder } from "./medium.ts";
import { joinPtys } from "./pty.ts";

async function unavailable(): Promise<string | undefined> {
  const folder = makeFolder();
  try {
    (await joinPtys(folder.path("left"), folder.path("right"))).pull();
    return undefined;
  } catch (error) {
    return `a serial line cannot be tried: ${String(error)}`;
  } finally {
    folder.end();
  }
}

const openLine = (path: string) => serialCarrier({ path, baud: 921_600, flow: "none" });

export const serialLine: MediumKind = {
  name: "serial line",
  peerGone: "left to the link",
  unavailable,
  open: async () => {
    const folder = makeFolder();
    const [left, right] = [folder.path("left"), folder.path("right")];
    const line = await joinPtys(left, right);
    writeFileSync(folder.path("file"), "");
    return {
      left: () => openLine(left),
      right: () => openLine(right),
      third: { come: () => openLine(left), reportedBy: "third", line: "failed PATH_IN_USE" },
      failures: [
        { what: "no device", carrier: () => openLine(folder.path("missing")), code: "ENOENT" },
        { what: "a file of another kind", carrier: () => openLine(folder.path("file")), code: "PATH_NOT_A_DEVICE" },
      ],
      end: async () => {
        line.pull();
        folder.end();
      },
    };
  },
};

/** As behind two data diodes: one line for each way. */
export const onewaySerialLines: MediumKind = {
  name: "a pair of one-way serial lines",
  peerGone: "left to the link",
  unavailable,
  open: async () => {
    const folder = makeFolder();
    const [downLeft, downRight, upLeft, upRight] = ["a", "b", "c", "d"].map((name) => folder.path(name)) as [
      string,
      string,
      string,
      string,
    ];
    const lines = [await joinPtys(downLeft, downRight), await joinPtys(upLeft, upRight)];
    return {
      left: () => onewayCarrier(openLine(upLeft), openLine(downLeft)),
      right: () => onewayCarrier(openLine(downRight), openLine(upRight)),
      third: { come: () => openLine(upLeft), reportedBy: "third", line: "failed PATH_IN_USE" },
      failures: [],
      end: async () => {
        for (const line of lines) line.pull();
        folder.end();
      },
    };
  },
};
