import type { ActuatorLink, LinkDescription } from "./actuator-link.ts";
import type { Manifest } from "./bundle/manifest.ts";
import type { Clock } from "./clock.ts";
import { ErrorCode, OmpError } from "./errors.ts";
import type { WorkspaceBox } from "./guard/workspace.ts";
import type { HandoverOptions } from "./handover/handover-options.ts";
import type { ObservationAlignment } from "./observation-buffer.ts";
import type { ControlLoopOptions } from "./options.ts";
import type { Pacer } from "./pacer.ts";
import type { OmpPolicy } from "./policy.ts";
import type { SensorSource } from "./sensor.ts";
import type { TelemetrySink } from "./telemetry.ts";
import type { JointLimits } from "./types.ts";

/** Limits besides those that bundle and controller have. */
export interface GuardOptions {
  readonly workspace?: WorkspaceBox;
  /** By joint: tighter ones, and ones that neither side has. The tighter one holds always. */
  readonly limits?: Readonly<Record<string, Partial<JointLimits>>>;
}

/** What a `ControlLoop` is made of. */
export interface ControlLoopParts {
  readonly policy: OmpPolicy;
  /** Closed, or open with its `description`. The loop arms and disarms it; whoever made it closes it. */
  readonly link: ActuatorLink;
  readonly description?: LinkDescription;
  /** At least one for every observation key. */
  readonly sensors: readonly SensorSource[];
  /** When left out, every step takes the newest sample that is not after its instant. */
  readonly alignment?: ObservationAlignment;
  readonly clock: Clock;
  readonly telemetry?: TelemetrySink;
  readonly options?: Partial<ControlLoopOptions>;
  /** How a chunk joins the one before. */
  readonly handover?: HandoverOptions;
  readonly guard?: GuardOptions;
  /** Ticks the loop; by the timers of `clock` when left out. */
  readonly pacer?: Pacer;
  /** `clock` (default): the loop ticks by its pacer. `caller`: somebody calls `tick` at `tickHz`. */
  readonly ticking?: "clock" | "caller";
}

/** @throws {OmpError} INVALID_ARGUMENT naming an observation key without sensor */
export function requireSensors({ observations }: Manifest, sensors: readonly SensorSource[]): void {
  for (const { key } of observations) {
    if (sensors.some((sensor) => sensor.key === key)) continue;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `no sensor delivers the observation key ${key}`,
      observed: sensors.map((sensor) => sensor.key).join(", "),
    });
  }
}
