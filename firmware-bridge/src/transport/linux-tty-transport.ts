import { close, closeSync, constants, openSync, readSync } from "node:fs";
import { ReadStream, isatty } from "node:tty";
import { promisify } from "node:util";

import { OmpError, isOmpError } from "../../../sdk/src/errors.ts";
import { LineTransport, type Line } from "./line-transport.ts";
import { runOnDescriptor } from "./run-on-descriptor.ts";
import { serialOpenError } from "./serial-open-error.ts";
import type { SerialSettings } from "./serial-settings.ts";
import type { Transport } from "./transport.ts";
import { whileLocked } from "./while-locked.ts";
import { writeDescriptor } from "./write-descriptor.ts";

/** The rates that have a constant in Linux' termios, Bd; stty(1) sets no other. */
const baudRates: ReadonlySet<number> = new Set([
  1200, 1800, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 500_000, 576_000,
  921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000,
]);

/** O_NOCTTY: the port must not become the terminal whose hang-up ends this process. */
const openFlags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
const readBytes = 4096;
/** Empties any kernel's buffer; a peer that sends faster than this reads is not waited for. */
const maxStaleReads = 64;

const lockedByAnother = "another program has locked it";

const closeInPool = promisify(close);

/** True for a baud rate that {@link openLinuxTtyTransport} can set. */
export function isTermiosBaudRate(baudRate: number): boolean {
  return baudRates.has(baudRate);
}

/**
 * Opens a Linux serial port without native code, exclusively, and discards what it had received before. Works in worker threads; reads
 * and writes pass by the thread pool. Needs `stty` (coreutils) and `flock` (util-linux); with `perl` a close drops what the kernel holds.
 *
 * @throws {OmpError} LINK_OPEN_FAILED, INVALID_ARGUMENT for a baud rate that stty cannot set
 */
export async function openLinuxTtyTransport(settings: SerialSettings): Promise<Transport> {
  const { path, baudRate, stopBits, clock, bounds } = settings;
  if (!isTermiosBaudRate(baudRate)) throw baudRateError(baudRate);
  const opened: number[] = [];
  try {
    const locked = openSync(path, openFlags);
    opened.push(locked);
    if (!isatty(locked)) throw notATerminal();
    await lock(locked);
    await runOnDescriptor(locked, "stty", sttyArguments(baudRate, stopBits), "it said nothing");
    // Not by `path`: after a replug that may be another device.
    const descriptor = openSync(`/proc/self/fd/${locked}`, openFlags);
    opened.push(descriptor);
    discardReceived(descriptor);
    const line = new TerminalLine(path, locked, descriptor);
    const transport = new LineTransport(line, clock, bounds);
    line.readTo(transport);
    return transport;
  } catch (error) {
    opened.forEach(closeSync);
    throw serialOpenError(path, error);
  }
}

/**
 * A terminal that is open twice: libuv opens the one it reads from anew and puts that in its place, which would end a lock on it, so the
 * lock is on the other. Where the terminal's name is not visible to this process, libuv keeps the one it was given and closes it.
 */
class TerminalLine implements Line {
  readonly name: string;
  readonly #path: string;
  readonly #locked: number;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(readBytes);
  #stream: ReadStream | undefined;
  #isStreamsOwn = false;

  constructor(path: string, locked: number, descriptor: number) {
    this.name = `serial ${path}`;
    this.#path = path;
    this.#locked = locked;
    this.#descriptor = descriptor;
  }

  /** Reads into one buffer, so that a frame costs no garbage. */
  readTo(transport: LineTransport): void {
    const onread = {
      buffer: this.#buffer,
      callback: (length: number): boolean => {
        transport.deliver(this.#buffer.subarray(0, length));
        return true;
      },
    };
    const options = { readable: true, onread };
    const stream = new ReadStream(this.#descriptor, options);
    this.#stream = stream;
    this.#isStreamsOwn = descriptorOf(stream) === this.#descriptor;
    stream.on("error", (error) => {
      transport.end(`${this.#path} cannot be read (${error.message})`);
    });
    stream.on("end", () => {
      transport.end(`${this.#path} was unplugged`);
    });
    stream.resume();
  }

  take(bytes: Uint8Array, start: number, length: number): number {
    return writeDescriptor(this.#descriptor, bytes, start, length);
  }

  async release(): Promise<void> {
    await discardSent(this.#locked);
    await unlock(this.#locked);
    await closed(this.#stream);
    // The last close waits until the kernel's bytes are on the wire; that wait must not be this thread's.
    if (!this.#isStreamsOwn) await closeInPool(this.#descriptor).catch(() => {});
    await closeInPool(this.#locked).catch(() => {});
  }
}

/**
 * Locks the open file, as serialport does. The lock outlives the tool; it ends with `unlock`, or when the last descriptor of the open file
 * is closed, also by the death of this process.
 */
function lock(descriptor: number): Promise<void> {
  return whileLocked(
    () => runOnDescriptor(descriptor, "flock", ["-n", "0"], lockedByAnother),
    (error) => isOmpError(error) && error.report.observed === lockedByAnother,
  );
}

/** Frees the port whoever has a copy of the descriptor. */
async function unlock(descriptor: number): Promise<void> {
  await runOnDescriptor(descriptor, "flock", ["-u", "0"], "").catch(() => {});
}

/** Raw, no flow control, and no hang-up on close: that would reset a board whose reset hangs on DTR. */
function sttyArguments(baudRate: number, stopBits: 1 | 2): string[] {
  const stop = stopBits === 2 ? "cstopb" : "-cstopb";
  return [`${baudRate}`, "raw", "-echo", "-iexten", "cs8", "-parenb", stop, "-crtscts", "clocal", "cread", "-hupcl"]; // prettier-ignore
}

/** What an earlier owner left unread would come first. */
function discardReceived(descriptor: number): void {
  const scratch = new Uint8Array(readBytes);
  for (let reads = 0; reads < maxStaleReads; reads++) {
    try {
      if (readSync(descriptor, scratch) === 0) return;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EAGAIN") return;
      throw error;
    }
  }
}

/**
 * What the kernel has not sent is dropped, where there is Perl (Debian and Ubuntu cannot be without it); no other tool of theirs flushes.
 * Without it, a peer that does not read gets it later, and the close can take 30 s.
 */
async function discardSent(descriptor: number): Promise<void> {
  const program = "tcflush(0, TCIOFLUSH) or die $!";
  await runOnDescriptor(descriptor, "perl", ["-MPOSIX", "-e", program], "").catch(() => {});
}

function closed(stream: ReadStream | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (stream === undefined || stream.closed) {
      resolve();
      return;
    }
    stream.once("close", () => {
      resolve();
    });
    stream.destroy();
  });
}

/** The descriptor that libuv reads from. */
function descriptorOf(stream: ReadStream): number | undefined {
  const handle: unknown = Reflect.get(stream, "_handle");
  const isHandle = typeof handle === "object" && handle !== null && "fd" in handle;
  return isHandle && typeof handle.fd === "number" ? handle.fd : undefined;
}

function notATerminal(): OmpError {
  return new OmpError("LINK_OPEN_FAILED", { what: "it is not a terminal" });
}

function baudRateError(baudRate: number): OmpError {
  return new OmpError("INVALID_ARGUMENT", {
    what: 'driver "linux-tty" cannot set this baud rate',
    observed: `${baudRate}`,
    expected: [...baudRates].join(", "),
    next: 'Use driver "serialport" for other rates.',
  });
}
