// A table with one target whose parser reads past the end: what `pnpm fuzz` does with a crash is tested with it.
import { parseMessageFrame } from "../../packages/bridge/src/message-frame.ts";
import { messageFrameTarget } from "./bridge-targets.ts";
import type { Target } from "./fuzz-target.ts";

export const TARGETS: readonly Target[] = [
  {
    ...messageFrameTarget((bytes) => {
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readBigUInt64BE(9);
      return parseMessageFrame(bytes);
    }),
    name: "planted frame",
  },
];
