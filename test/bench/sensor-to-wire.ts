import { SerialLink } from "../../firmware-bridge/src/serial.ts";
import { ControlLoop } from "../../sdk/src/control-loop.ts";
import { quantile } from "../../sdk/cli/tune/take-turns.ts";
import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { JointStateSensor } from "../../sdk/src/joint-state-sensor.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import type { SampleSink, SensorSource } from "../../sdk/src/sensor.ts";
import { PtyFirmware, ptyFirmwareSkip } from "../conformance/pty-firmware.ts";
import { repositoryPath } from "../support/repository.ts";
import type { Bench } from "./measurement.ts";

const bundle = repositoryPath("models", "bundles", "so101-push");
const tickMs = 10;
/** rad; in reach of the policy's first chunk. */
const home = [0, -0.3, 0.4, 1.47, 0, 0];
const puckAndGoal = [0.17, 0.03, 0.19, -0.06]; // m

/** Why it cannot be measured here, or undefined. */
export const sensorToWireSkip: string | undefined = ptyFirmwareSkip;

export interface SensorToWire {
  /** From a sample in this process to its chunk written to the serial port, ms. */
  readonly latencyMs: readonly number[];
  /** The same without the evaluation of the network: buffer, worker and back, guard, scheduler, frames, write. */
  readonly overheadMs: readonly number[];
}

/** The bundled policy in the control loop, in real time, with the reference firmware on a pty. */
export async function measureSensorToWire(chunks: number): Promise<SensorToWire> {
  if (sensorToWireSkip !== undefined) {
    throw new OmpError(ErrorCode.ToolFailed, { what: `no bench: ${sensorToWireSkip}` });
  }
  const clock = new MonotonicClock();
  const firmware = await PtyFirmware.start();
  const link = new SerialLink({ clock, path: firmware.path });
  const policy = await loadPolicy(bundle);
  const camera = new PushedSensor("observation.environment_state");
  const sensors = [new JointStateSensor(link, home.length), camera];
  const loop = new ControlLoop({
    policy,
    link,
    sensors,
    clock,
    ticking: "caller",
    options: { leaseMs: 1000 },
  });
  const latencyMs: number[] = [];
  const overheadMs: number[] = [];
  let startedAtMs = 0;
  loop.on("trajectorySent", (_, { inferenceMs }) => {
    const ms = clock.nowMs() - startedAtMs;
    latencyMs.push(ms);
    overheadMs.push(ms - inferenceMs);
  });
  const timer = setInterval(() => {
    const nowMs = clock.nowMs();
    const { inferences } = loop.counters;
    camera.push(puckAndGoal, nowMs);
    loop.tick(nowMs);
    if (loop.counters.inferences > inferences) startedAtMs = nowMs;
  }, tickMs);
  try {
    await loop.start({ paused: true });
    await loop.moveTo(home);
    loop.restartEpisode();
    while (latencyMs.length < chunks && loop.fault === undefined) {
      await new Promise((resolve) => setTimeout(resolve, tickMs));
    }
    if (loop.fault !== undefined) {
      const { reason, detail } = loop.fault;
      throw new OmpError(ErrorCode.ToolFailed, {
        what: `the loop faulted while it was measured: ${reason}: ${detail}`,
        next: "Measure again when the machine does less.",
      });
    }
  } finally {
    clearInterval(timer);
    await loop.stop();
    await link.close();
    await policy.close();
    await firmware.close();
  }
  return { latencyMs, overheadMs };
}

/** Delivers what its owner pushes, once it is started. */
class PushedSensor implements SensorSource {
  readonly key: string;
  #sink: SampleSink | undefined;

  constructor(key: string) {
    this.key = key;
  }

  push(values: readonly number[], capturedAtMs: number): void {
    this.#sink?.push(this.key, values, capturedAtMs);
  }

  async start(sink: SampleSink): Promise<void> {
    this.#sink = sink;
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
    return Promise.resolve();
  }
}

export const sensorToWire: Bench = {
  summary: "from a sample to its chunk on the serial line, with and without the network",

  async run(say) {
    const chunks = 100;
    say(`${chunks} chunks of the bundled policy to the host firmware on a pty`);
    const { latencyMs, overheadMs } = await measureSensorToWire(chunks);
    return {
      figures: {
        chunks,
        sensor_to_wire_p50_ms: quantile(latencyMs, 0.5),
        sensor_to_wire_p99_ms: quantile(latencyMs, 0.99),
        overhead_p50_ms: quantile(overheadMs, 0.5),
        overhead_p99_ms: quantile(overheadMs, 0.99),
      },
      samples: { sensor_to_wire_ms: latencyMs, overhead_ms: overheadMs },
    };
  },
};
