import type { ControlLoop } from "../../../sdk/src/control-loop.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import type { CommandHandlers } from "./command-receiver.ts";

/** Remote rearming makes an arm move while nobody may be looking at it: a robot has to allow it. */
export interface LoopCommandOptions {
  /** Default false. */
  readonly allowRearm?: boolean;
}

type CommandedLoop = Pick<
  ControlLoop,
  "state" | "emergencyStop" | "pause" | "rearm" | "restartEpisode"
>;

/**
 * Stop, hold and rearm of a control loop. `hold` during arming is an emergency stop: there is nothing yet that could hold.
 *
 * @param getLoop asked at every command, because a loop is often made after its telemetry
 */
export function loopCommands(
  getLoop: () => CommandedLoop | undefined,
  { allowRearm = false }: LoopCommandOptions = {},
): CommandHandlers {
  return {
    stop: () => {
      required(getLoop()).emergencyStop();
    },
    hold: () => {
      const loop = required(getLoop());
      if (loop.state === "arming") loop.emergencyStop();
      else loop.pause();
    },
    ...(allowRearm && {
      rearm: async () => {
        const loop = required(getLoop());
        if (loop.state === "faulted") await loop.rearm();
        else if (loop.state === "holding") loop.restartEpisode();
      },
    }),
  };
}

function required(loop: CommandedLoop | undefined): CommandedLoop {
  if (loop !== undefined) return loop;
  throw new OmpError(ErrorCode.InvalidState, { what: "the control loop does not run yet" });
}
