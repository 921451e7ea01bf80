import type { ControlLoop } from "../../control-loop.ts";
import type { ControlLoopParts } from "../../loop-parts.ts";

/** What a control module makes: a loop's parts, which the control thread owns and closes. */
export interface ControlThreadParts extends ControlLoopParts {
  /** What `ControlThread.ask` may ask, by name. Arguments and answers are structured clones. A slow one delays ticks. */
  readonly answers?: Readonly<Record<string, (argument: unknown) => unknown>>;
  /** Called once with the loop, before it starts: to listen to it, to record it. */
  readonly attach?: (loop: ControlLoop) => void;
  /** Called at the end, after link and policy were closed: for whatever else the module opened. */
  readonly close?: () => Promise<void>;
}

/**
 * What a control module exports. It runs inside the control thread, so that nothing of the loop lives on another one.
 *
 * @example
 * export const createLoopParts: CreateLoopParts = async () => {
 *   const clock = new MonotonicClock();
 *   const policy = await loadPolicy("models/bundles/so101-push");
 *   const link = new SerialLink({ clock, path: "/dev/ttyACM0" });
 *   const { length } = policy.manifest.action.joints;
 *   return { clock, policy, link, sensors: [new JointStateSensor(link, length)] };
 * };
 */
export type CreateLoopParts<Data = unknown> = (data: Data) => Promise<ControlThreadParts>;
