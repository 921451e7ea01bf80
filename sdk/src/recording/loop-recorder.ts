import type { ActuatorLink } from "../actuator-link.ts";
import type { Manifest } from "../bundle/manifest.ts";
import type { Clock } from "../clock.ts";
import type { ControlLoop } from "../control-loop.ts";
import type { LoopState } from "../loop-state.ts";
import type { SampleSink, SensorSource } from "../sensor.ts";
import { type ActionChunk, createJointState, type JointState, type Trajectory } from "../types.ts";
import {
  Channel,
  LogLevel,
  logTime,
  type RecordedMessage,
  recordingHeader,
  type RecordingHeader,
  TRAJECTORY_FIELDS,
} from "./recording-format.ts";
import { RecordRing, type RingRecord } from "./record-ring.ts";

export interface LoopRecorderOptions {
  readonly manifest: Manifest;
  readonly clock: Clock;
  /** How much to remember, s. Default 60; less when `maxBytes` does not hold that. */
  readonly seconds?: number;
  /** Memory for it. Default 64 MiB. */
  readonly maxBytes?: number;
  /** UTC, ms; default `Date.now`. */
  readonly utcNowMs?: () => number;
}

interface LogEntry {
  readonly state: LoopState;
  readonly previous: LoopState;
  readonly reason: string;
  readonly text: string;
}

const BYTES_PER_NUMBER = Float64Array.BYTES_PER_ELEMENT;
/** Joint states a second, at most, that the size of the ring reckons with. */
const JOINT_STATE_HZ = 200;
const MAX_LOGS = 1000;

/**
 * Remembers the newest minute of a loop: every sample, joint state, trajectory, change of state and fault. It costs a copy of the
 * numbers and allocates nothing for samples, joint states and trajectories.
 *
 * @example
 * const recorder = new LoopRecorder({ manifest: policy.manifest, clock });
 * const loop = new ControlLoop({ policy, link, clock, sensors: sensors.map((sensor) => recorder.tap(sensor)) });
 * recorder.attach(loop, link);
 * new BlackBox(recorder, { directory: "/var/lib/omp-edge/black-box" }).watch(loop);
 */
export class LoopRecorder {
  readonly header: RecordingHeader;
  readonly ring: RecordRing;
  readonly clock: Clock;
  readonly #channels: ReadonlyMap<string, number>;
  readonly #sizes: readonly number[];
  readonly #jointState: JointState;
  readonly #scratch: Float64Array;
  readonly #logs = new Map<number, LogEntry>();
  #logCount = 0;

  constructor({ manifest, clock, ...options }: LoopRecorderOptions) {
    const utcNowMs = options.utcNowMs ?? Date.now;
    this.clock = clock;
    this.header = recordingHeader(manifest, utcNowMs() - clock.nowMs());
    const jointCount = manifest.action.names.length;
    this.#channels = new Map(
      manifest.observations.map(({ key }, i) => [key, Channel.FirstObservation + i]),
    );
    this.#sizes = manifest.observations.map(({ size }) => size);
    this.#jointState = createJointState(jointCount);
    const trajectoryNumbers = TRAJECTORY_FIELDS + manifest.policy.horizon * jointCount;
    this.#scratch = new Float64Array(Math.max(trajectoryNumbers, 4 * jointCount));
    const chunkHz = 1000 / (manifest.policy.dtMs * manifest.policy.nActionSteps);
    const perSecond =
      manifest.observations.reduce((sum, { size, rateHz }) => sum + (size + 3) * rateHz, 0) +
      (4 * jointCount + 3) * JOINT_STATE_HZ +
      (trajectoryNumbers + 3) * chunkHz;
    const most = Math.floor((options.maxBytes ?? 64 * 2 ** 20) / BYTES_PER_NUMBER);
    const wanted = Math.ceil(perSecond * (options.seconds ?? 60));
    this.ring = new RecordRing(Math.max(64, Math.min(wanted, most)));
  }

  /** The sensor, whose samples are also remembered; give it to the loop instead. */
  tap(sensor: SensorSource): SensorSource {
    const channel = this.#channels.get(sensor.key);
    if (channel === undefined) return sensor;
    const size = this.#sizes[channel - Channel.FirstObservation] ?? 0;
    const tapped = (sink: SampleSink): SampleSink => ({
      push: (key, values, capturedAtMs) => {
        this.ring.append(channel, capturedAtMs, values, Math.min(size, values.length));
        sink.push(key, values, capturedAtMs);
      },
    });
    return {
      key: sensor.key,
      start: async (sink) => sensor.start(tapped(sink)),
      ...(sensor.poll !== undefined && {
        poll: () => {
          sensor.poll?.();
        },
      }),
      stop: async () => sensor.stop(),
    };
  }

  /** Follows a loop and its link. Returns a function that ends it. */
  attach(loop: ControlLoop, link: ActuatorLink): () => void {
    const unsubscribes = [
      link.on("jointStateReceived", () => {
        if (link.readJointState(this.#jointState)) this.#noteJointState();
      }),
      loop.on("trajectorySent", (trajectory, chunk) => {
        this.#noteTrajectory(trajectory, chunk);
      }),
      loop.on("stateChanged", (state, previous) => {
        this.#log({ state, previous, reason: "", text: `${previous} → ${state}` });
      }),
      loop.on("faulted", ({ reason, detail }) => {
        this.#log({ state: "faulted", previous: "faulted", reason, text: detail });
      }),
    ];
    return () => {
      for (const unsubscribe of unsubscribes) unsubscribe();
    };
  }

  /** A record of the ring as the message it becomes; undefined when its text is forgotten. */
  message({ channel, atMs, count, values }: RingRecord): RecordedMessage | undefined {
    if (channel === Channel.Log) return this.#logMessage(atMs, values[0] ?? 0);
    const { joints, observations } = this.header;
    const n = joints.length;
    const part = (from: number, size: number): number[] => [...values.subarray(from, from + size)];
    const field = (index: number): number => values[index] ?? Number.NaN;
    if (channel === Channel.JointState) {
      const message = {
        at_ms: atMs,
        position: part(0, n),
        command: part(n, n),
        velocity: part(2 * n, n),
        effort: part(3 * n, n),
      };
      return { topic: "/joint_state", message };
    }
    if (channel === Channel.Trajectory) {
      const rows = (count - TRAJECTORY_FIELDS) / n;
      const message = {
        at_ms: atMs,
        id: field(0),
        start_at_ms: field(1),
        dt_ms: field(2),
        sequence: field(3),
        observed_at_ms: field(4),
        inference_ms: field(5),
        positions: Array.from({ length: rows }, (_, row) => part(TRAJECTORY_FIELDS + row * n, n)),
      };
      return { topic: "/trajectory", message };
    }
    const key = observations[channel - Channel.FirstObservation]?.key ?? "";
    return { topic: topicOf(key), message: { at_ms: atMs, values: part(0, count) } };
  }

  #noteJointState(): void {
    const { measuredAtMs, position, command, velocity, effort } = this.#jointState;
    const n = position.length;
    const scratch = this.#scratch;
    for (let j = 0; j < n; j += 1) {
      scratch[j] = position[j] ?? 0;
      scratch[n + j] = command[j] ?? 0;
      scratch[2 * n + j] = velocity[j] ?? 0;
      scratch[3 * n + j] = effort[j] ?? 0;
    }
    this.ring.append(Channel.JointState, measuredAtMs, scratch, 4 * n);
  }

  #noteTrajectory(trajectory: Trajectory, chunk: ActionChunk): void {
    const { id, startAtMs, dtMs, count, jointCount, positions } = trajectory;
    const scratch = this.#scratch;
    scratch[0] = id;
    scratch[1] = startAtMs;
    scratch[2] = dtMs;
    scratch[3] = chunk.sequence;
    scratch[4] = chunk.observedAtMs;
    scratch[5] = chunk.inferenceMs;
    const size = count * jointCount;
    for (let i = 0; i < size; i += 1) scratch[TRAJECTORY_FIELDS + i] = positions[i] ?? 0;
    this.ring.append(Channel.Trajectory, this.clock.nowMs(), scratch, TRAJECTORY_FIELDS + size);
  }

  #log(entry: LogEntry): void {
    this.#logs.set(this.#logCount, entry);
    this.#logs.delete(this.#logCount - MAX_LOGS);
    this.ring.append(Channel.Log, this.clock.nowMs(), [this.#logCount], 1);
    this.#logCount += 1;
  }

  #logMessage(atMs: number, index: number): RecordedMessage | undefined {
    const entry = this.#logs.get(index);
    if (entry === undefined) return undefined;
    const { state, previous, reason, text } = entry;
    const ns = logTime(this.header, atMs);
    const timestamp = { sec: Number(ns / 1_000_000_000n), nsec: Number(ns % 1_000_000_000n) };
    const level = reason === "" ? LogLevel.Info : LogLevel.Error;
    const shown = { name: "loop", message: reason === "" ? text : `${reason}: ${text}` };
    const message = { at_ms: atMs, timestamp, level, ...shown, file: "", line: 0 } as const;
    return { topic: "/log", message: { ...message, state, previous, reason } };
  }
}

/** "/observation.state" */
export function topicOf(key: string): `/observation.${string}` {
  return `/observation.${key.replace(/^observation\./, "")}`;
}
