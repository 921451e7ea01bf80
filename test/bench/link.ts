import { setTimeout as sleep } from "node:timers/promises";

import { measureRoundTrip, quantileMs } from "../../firmware-bridge/src/round-trip.ts";
import { SerialLink, type SerialDriver } from "../../firmware-bridge/src/serial.ts";
import { openSerialTransport } from "../../firmware-bridge/src/transport/serial-transport.ts";
import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { PtyFirmware, ptyFirmwareSkip } from "../conformance/pty-firmware.ts";
import type { Bench } from "./measurement.ts";

const rounds = 8;
const probes = 1000;
const streamMs = 3000;
const clock = new MonotonicClock();

/** The drivers take turns, and swap their order every round: what disturbs the machine disturbs both. */
const orders: readonly (readonly SerialDriver[])[] = [
  ["serialport", "linux-tty"],
  ["linux-tty", "serialport"],
];

/** The serial drivers side by side, each against the same host firmware on a pty. */
export const link: Bench = {
  summary: "serialport against linux-tty: round trip, CPU share of 1 kHz joint states",

  async run(say) {
    if (ptyFirmwareSkip !== undefined) {
      throw new OmpError(ErrorCode.ToolFailed, { what: `no bench: ${ptyFirmwareSkip}` });
    }
    const firmware = await PtyFirmware.start();
    const roundTripMs = { serialport: [] as number[], "linux-tty": [] as number[] };
    const cpuShare = { serialport: [] as number[], "linux-tty": [] as number[] };
    let lost = 0;
    try {
      // Round 0 warms both up and counts for nothing.
      for (let round = 0; round <= rounds; round++) {
        say(`round ${round} of ${rounds}`);
        for (const driver of orders[round % 2] ?? []) {
          const timed = await timeRoundTrips(firmware.path, driver);
          const share = await streamJointStates(firmware.path, driver);
          if (round === 0) continue;
          roundTripMs[driver].push(...timed.samplesMs);
          cpuShare[driver].push(share);
          lost += timed.lost;
        }
      }
    } finally {
      await firmware.close();
    }
    return {
      figures: {
        probes_each: rounds * probes,
        probes_lost: lost,
        rtt_p50_ms_serialport: quantileMs(roundTripMs.serialport, 0.5),
        rtt_p50_ms_linux_tty: quantileMs(roundTripMs["linux-tty"], 0.5),
        rtt_p99_ms_serialport: quantileMs(roundTripMs.serialport, 0.99),
        rtt_p99_ms_linux_tty: quantileMs(roundTripMs["linux-tty"], 0.99),
        cpu_share_1khz_serialport: quantileMs(cpuShare.serialport, 0.5),
        cpu_share_1khz_linux_tty: quantileMs(cpuShare["linux-tty"], 0.5),
      },
      samples: {
        rtt_ms_serialport: roundTripMs.serialport,
        rtt_ms_linux_tty: roundTripMs["linux-tty"],
        cpu_share_serialport: cpuShare.serialport,
        cpu_share_linux_tty: cpuShare["linux-tty"],
      },
    };
  },
};

export function timeRoundTrips(
  path: string,
  driver: SerialDriver,
): ReturnType<typeof measureRoundTrip> {
  return measureRoundTrip({
    clock,
    openTransport: () => openSerialTransport({ clock, path, driver }),
    probes,
    handshakeTimeoutMs: 3000,
  });
}

/** CPU time of this process, all its threads, over the time it took in a joint state every ms; 1 is one core. */
async function streamJointStates(path: string, driver: SerialDriver): Promise<number> {
  const serialLink = new SerialLink({ clock, path, driver, jointStatePeriodMs: 1 });
  await serialLink.connect();
  await sleep(200);
  const before = process.cpuUsage();
  const beganMs = clock.nowMs();
  await sleep(streamMs);
  const used = process.cpuUsage(before);
  const share = (used.user + used.system) / 1000 / (clock.nowMs() - beganMs);
  await serialLink.close();
  return share;
}
