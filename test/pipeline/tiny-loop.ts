import { readFileSync } from "node:fs";

import {
  ControlLoop,
  type ControlLoopOptions,
  createJointState,
  type Fault,
  type GuardOptions,
  type HandoverOptions,
  JointStateSensor,
  type LoopState,
  type Manifest,
  OmpPolicy,
  parseManifest,
  type SamplingOptions,
  type SensorSource,
  type TensorBuffers,
} from "omp-edge";
import { FakeBackend, type FakeGraph, LoopbackLink, ManualClock } from "omp-edge/testing";

import { repositoryPath } from "../support/repository.ts";

/** Two joints, dt 50 ms, horizon 8, start row 1, one lead step, a chunk every 4 steps. */
export const tinyManifest: Manifest = parseManifest(
  readFileSync(repositoryPath("test/vectors/tiny-policy/manifest.json"), "utf8"),
);

export const tinyGraph: Pick<FakeGraph, "inputs" | "outputs"> = {
  inputs: [
    { name: "observation.state", shape: [1, 2, 2], dtype: "float32" },
    { name: "noise", shape: [1, 8, 2], dtype: "float32" },
  ],
  outputs: [{ name: "action", shape: [1, 8, 2], dtype: "float32" }],
};

/** Every row of the action, from the newest observed position of both joints. */
export type RowFunction = (newest: readonly [number, number], row: number) => [number, number];

export function evaluateRows(rowOf: RowFunction): FakeGraph["evaluate"] {
  return (inputs: TensorBuffers, outputs: TensorBuffers): void => {
    const state = inputs.get("observation.state") ?? new Float32Array(4);
    const action = outputs.get("action") ?? new Float32Array(16);
    for (let row = 0; row < 8; row += 1) {
      action.set(rowOf([state[2] ?? Number.NaN, state[3] ?? Number.NaN], row), row * 2);
    }
  };
}

/** Both joints advance 0.01 rad a step from where they were observed: row 1 is due one step after the observation. */
export const advance: RowFunction = ([a, b], row) => [a + 0.01 * row, b - 0.01 * row];

export interface TinyLoopOptions {
  /** Of the policy; that of the tiny bundle when left out. */
  readonly manifest?: Manifest;
  readonly evaluate?: FakeGraph["evaluate"];
  /** Graph inputs besides the tiny bundle's. */
  readonly extraInputs?: FakeGraph["inputs"];
  readonly delayMs?: number;
  readonly sensors?: (clock: ManualClock, link: LoopbackLink) => readonly SensorSource[];
  readonly options?: Partial<ControlLoopOptions>;
  readonly handover?: HandoverOptions;
  readonly guard?: GuardOptions;
  readonly sampling?: SamplingOptions;
}

/** A loop on an ideal arm in virtual time. */
export class TinyLoop {
  readonly clock: ManualClock = new ManualClock(1000);
  readonly link: LoopbackLink;
  readonly loop: ControlLoop;
  readonly states: LoopState[] = [];
  readonly faults: Fault[] = [];

  private constructor(
    policy: OmpPolicy,
    { sensors, options, handover, guard, delayMs = 0 }: TinyLoopOptions,
  ) {
    this.link = new LoopbackLink(this.clock, { joints: tinyManifest.action.joints, delayMs });
    this.loop = new ControlLoop({
      policy,
      link: this.link,
      clock: this.clock,
      sensors: sensors?.(this.clock, this.link) ?? [new JointStateSensor(this.link, 2)],
      options: options ?? {},
      handover: handover ?? {},
      guard: guard ?? {},
    });
    this.loop.on("stateChanged", (state) => this.states.push(state));
    this.loop.on("faulted", (fault) => this.faults.push(fault));
  }

  static async create(options: TinyLoopOptions = {}): Promise<TinyLoop> {
    const backend = new FakeBackend({
      inputs: [...tinyGraph.inputs, ...(options.extraInputs ?? [])],
      outputs: tinyGraph.outputs,
      evaluate: options.evaluate ?? evaluateRows(advance),
    });
    const info = await backend.load({ bytes: new Uint8Array() });
    const manifest = options.manifest ?? tinyManifest;
    return new TinyLoop(new OmpPolicy({ manifest, backend, info, ...options.sampling }), options);
  }

  /** Lets `ms` pass; inferences answer within the millisecond in which they began. */
  async run(ms: number): Promise<void> {
    const endMs = this.clock.nowMs() + ms;
    while (this.clock.nowMs() < endMs) {
      this.clock.advanceBy(1);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  /** Command of the first joint, rad. */
  get command(): number {
    const state = createJointState(2);
    this.link.controller.advanceTo(this.clock.nowMs());
    this.link.controller.read(state);
    return state.command[0] ?? Number.NaN;
  }
}
