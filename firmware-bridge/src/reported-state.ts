import type { LinkState } from "../../sdk/src/actuator-link.ts";
import type { JointState } from "../../sdk/src/types.ts";
import type { ClockSync } from "./protocol/clock-sync.ts";
import { ControllerMode, StateFlag } from "./protocol/constants.ts";
import type { StateMessage } from "./protocol/controller-messages.ts";
import { fromCounts, stateCountsPerUnit } from "./protocol/units.ts";

/** Braking counts as moving, whatever the mode it ends in; a fault comes first. */
export function linkStateOf({ mode, flags }: Pick<StateMessage, "mode" | "flags">): LinkState {
  if (mode === ControllerMode.Fault) return "faulted";
  const isBraking = (flags & StateFlag.Braking) !== 0;
  if (mode === ControllerMode.Run || isBraking) return "moving";
  return mode === ControllerMode.Hold ? "armed" : "idle";
}

/** Wire units to SI, the controller's tick to the host's clock. */
export function copyJointState(
  state: Readonly<StateMessage>,
  clockSync: ClockSync,
  out: JointState,
): void {
  out.measuredAtMs = clockSync.hostMsAt(clockSync.unwrap(state.tick));
  for (let joint = 0; joint < state.position.length; joint++) {
    out.position[joint] = fromCounts(state.position[joint] ?? 0);
    out.command[joint] = fromCounts(state.command[joint] ?? 0);
    out.velocity[joint] = (state.velocity[joint] ?? 0) / stateCountsPerUnit;
    out.effort[joint] = (state.effort[joint] ?? 0) / stateCountsPerUnit;
  }
}
