// The sign-once journal on disk: what was signed is there, synced, before the signature leaves the process.
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { lockJournal } from "./journal-lock.ts";
import { encodeRecord, genesisHash, JournalError, type JournalRecord, readJournal } from "./journal-record.ts";
import { SignedHistory } from "./sign-once.ts";

export type Journal = {
  readonly history: SignedHistory;
  /** Transactions on record. */
  readonly entries: number;
  /** Refusals on record. */
  readonly refusals: number;
  /** Hash of the last record, or of the beginning, as hexadecimal digits. */
  readonly head: string;
  /** How many bytes of a record that was cut off were taken away when the journal was opened. */
  readonly trimmedBytes: number;
  /**
   * Returns once the record is on disk. A failure is final: what the disk holds is not known any more, so the journal
   * takes nothing further and the process has to end.
   * @throws JournalError JOURNAL_WRITE_FAILED
   */
  append(record: JournalRecord): void;
  close(): void;
};

/** The calls on which everything rests. Tests end the process around them, or let the real disk fail. */
export type JournalDisk = Pick<typeof import("node:fs"), "writeSync" | "fdatasyncSync" | "fsyncSync">;

const REAL_DISK: JournalDisk = { writeSync, fdatasyncSync, fsyncSync };

/**
 * Opens, locks and verifies `<holder>.journal` in a directory, from its first record to its last, and makes it if it is
 * not there.
 * @throws JournalError JOURNAL_LOCKED, JOURNAL_CORRUPT
 */
export function openJournal(directory: string, holder: string, disk: JournalDisk = REAL_DISK): Journal {
  const lock = lockJournal(join(directory, `${holder}.lock`));
  try {
    const file = openSync(join(directory, `${holder}.journal`), constants.O_RDWR | constants.O_CREAT, 0o600);
    const history = new SignedHistory();
    let refusals = 0;
    const read = readJournal(pieces(file), genesisHash(holder), (record) => {
      history.add(record);
      if ("refused" in record) refusals += 1;
    });
    if (read.tornBytes > 0) ftruncateSync(file, read.bytes);
    // A record that was written but not synced when its process ended counts from now on, so it is synced now.
    disk.fsyncSync(file);
    syncDirectory(directory, disk);
    return new OpenJournal(
      { file, history, entries: read.entries - refusals, refusals, bytes: read.bytes, head: read.head },
      read.tornBytes,
      {
        disk,
        release: lock.release,
      },
    );
  } catch (error) {
    lock.release();
    throw error;
  }
}

type State = {
  readonly file: number;
  readonly history: SignedHistory;
  entries: number;
  refusals: number;
  bytes: number;
  head: Buffer;
};

class OpenJournal implements Journal {
  readonly trimmedBytes: number;
  readonly #state: State;
  readonly #disk: JournalDisk;
  readonly #release: () => void;
  #failure: JournalError | null = null;

  constructor(state: State, trimmedBytes: number, { disk, release }: { disk: JournalDisk; release: () => void }) {
    this.#state = state;
    this.trimmedBytes = trimmedBytes;
    this.#disk = disk;
    this.#release = release;
  }

  get history(): SignedHistory {
    return this.#state.history;
  }

  get entries(): number {
    return this.#state.entries;
  }

  get refusals(): number {
    return this.#state.refusals;
  }

  get head(): string {
    return this.#state.head.toString("hex");
  }

  append(record: JournalRecord): void {
    if (this.#failure !== null) throw this.#failure;
    const { bytes, hash } = encodeRecord(record, this.#state.head);
    try {
      this.#write(bytes);
      this.#disk.fdatasyncSync(this.#state.file);
    } catch (cause) {
      this.#failure = new JournalError("JOURNAL_WRITE_FAILED", "the journal could not be written and synced", {
        cause,
      });
      throw this.#failure;
    }
    this.#state.bytes += bytes.length;
    if ("refused" in record) this.#state.refusals += 1;
    else this.#state.entries += 1;
    this.#state.head = hash;
    this.#state.history.add(record);
  }

  close(): void {
    this.#failure ??= new JournalError("JOURNAL_WRITE_FAILED", "the journal is closed");
    closeSync(this.#state.file);
    this.#release();
  }

  #write(bytes: Buffer): void {
    const { file, bytes: end } = this.#state;
    if (fstatSync(file).size !== end) throw new Error("somebody else wrote to the journal");
    for (let written = 0; written < bytes.length; ) {
      written += this.#disk.writeSync(file, bytes, written, bytes.length - written, end + written);
    }
  }
}

const PIECE_BYTES = 1024 * 1024;

function* pieces(file: number): Iterable<Buffer> {
  for (let position = 0; ; ) {
    const piece = Buffer.alloc(PIECE_BYTES);
    const count = readSync(file, piece, 0, PIECE_BYTES, position);
    if (count === 0) return;
    position += count;
    yield piece.subarray(0, count);
  }
}

/** A file that was just made is found again after a power cut only when its directory is synced too. */
function syncDirectory(directory: string, disk: JournalDisk): void {
  const handle = openSync(directory, constants.O_RDONLY);
  try {
    disk.fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
