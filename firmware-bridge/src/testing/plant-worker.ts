/**
 * Thread of the simulated arm: the firmware process's motor bus on one side, physics on the other. It has its own event loop, so a
 * busy host program slows neither down. The world's time is the firmware's tick: one physics step each.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Duplex, Readable, Writable } from "node:stream";
import { parentPort, workerData } from "node:worker_threads";

import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { MonotonicClock } from "../../../sdk/src/runtime/node/monotonic-clock.ts";
import { loadPushWorld } from "./load-world.ts";
import type { PlantReply, PlantRequest, PlantWorkerOptions } from "./plant-messages.ts";
import { Plant } from "./plant.ts";

const MEASURED_HEADER_BYTES = 8;
const COMMAND_HEADER_BYTES = 12;

const options: PlantWorkerOptions = workerData;
const clock = new MonotonicClock();
const plant = new Plant(await loadPushWorld(options.worldDirectory));
const command = new Int32Array(plant.jointCount);
const measured = new Int32Array(plant.jointCount);
const drive = new Uint8Array(plant.jointCount);
const measuredBytes = MEASURED_HEADER_BYTES + 4 * plant.jointCount;
const commandBytes = COMMAND_HEADER_BYTES + 4 * plant.jointCount;
/** What arrived of a record that is not complete yet. */
let rest: Buffer = Buffer.alloc(0);

const firmware = spawn(options.firmwarePath, options.firmwareArguments, {
  stdio: ["pipe", "pipe", "inherit", "pipe"],
});
const busIn = piped(firmware.stdin, Writable);
const busOut = piped(firmware.stdout, Readable);
const control = piped(firmware.stdio[3], Duplex);
const waitingForAnswer: number[] = [];

/** A pipe of the child, which spawn types as possibly missing. */
function piped<Stream extends object>(stream: unknown, kind: abstract new () => Stream): Stream {
  if (stream instanceof kind) return stream;
  throw new OmpError(ErrorCode.Internal, { what: "the firmware process has no such pipe" });
}

function post(reply: PlantReply): void {
  parentPort?.postMessage(reply);
}

/** Little-endian records of the motor bus; firmware/port/host/motor_bus.h. */
function writeMeasured(record: Buffer, at: number, tick: number): void {
  plant.measure(measured);
  record.writeUInt32LE(tick, at);
  record.writeUInt32LE(measured.length, at + 4);
  for (const [j, position] of measured.entries()) {
    record.writeInt32LE(position, at + MEASURED_HEADER_BYTES + 4 * j);
  }
}

/** The firmware drives nothing before it knows where the joints are. */
function reportStart(): void {
  const record = Buffer.alloc(measuredBytes);
  writeMeasured(record, 0, 0);
  busIn.write(record);
}

function serveBus(bytes: Buffer): void {
  const pending = Buffer.concat([rest, bytes]);
  const records = Math.floor(pending.length / commandBytes);
  const answer = Buffer.alloc(records * measuredBytes);
  const arrivedAtMs = clock.nowMs();
  for (let record = 0; record < records; record += 1) {
    const at = record * commandBytes;
    const tick = pending.readUInt32LE(at);
    const drives = pending.readUInt32LE(at + 8);
    for (let j = 0; j < command.length; j += 1) {
      command[j] = pending.readInt32LE(at + COMMAND_HEADER_BYTES + 4 * j);
      drive[j] = (drives >>> (2 * j)) & 3;
    }
    plant.tick(command, drive);
    writeMeasured(answer, record * measuredBytes, tick);
    if (tick % options.sampleTicks === 0) {
      // Records that arrive together left the firmware a tick of 1 ms apart.
      post({ kind: "sample", sample: plant.sample(arrivedAtMs - (records - 1 - record)) });
    }
  }
  rest = pending.subarray(records * commandBytes);
  if (records > 0 && busIn.writable) busIn.write(answer);
}

busOut.on("data", serveBus);
reportStart();
busIn.on("error", () => undefined);
control.on("error", () => undefined);
createInterface({ input: control }).on("line", (line) => {
  post({ kind: "answer", id: waitingForAnswer.shift() ?? 0, line });
});
firmware.on("error", (error) => {
  post({ kind: "ended", reason: error.message });
  parentPort?.close();
});
firmware.on("exit", (code, signal) => {
  post({ kind: "ended", reason: `the firmware process ended with ${code ?? signal}` });
  parentPort?.close();
});

parentPort?.on("message", (request: PlantRequest) => {
  if (request.kind === "place") {
    post({ kind: "placed", id: request.id, placement: plant.place(request.seed) });
  } else if (request.kind === "control") {
    waitingForAnswer.push(request.id);
    control.write(`${request.command}\n`);
  } else {
    control.write("quit\n");
  }
});
