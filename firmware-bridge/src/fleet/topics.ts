import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";

/** What a robot tells its fleet; each is the last level of a topic of its own. FLEET.md, section 1. */
export const fleetTopicKinds = [
  "birth",
  "status",
  "heartbeat",
  "state",
  "metrics",
  "event",
  "result",
  "history",
  "bundle",
] as const;
export type FleetTopicKind = (typeof fleetTopicKinds)[number];

/** Whether the broker keeps the newest one for whoever comes later. */
export function isRetained(kind: FleetTopicKind): boolean {
  return kind === "birth" || kind === "status" || kind === "bundle";
}

export interface RobotTopic {
  readonly robotId: string;
  readonly kind: FleetTopicKind;
}

const prefix = "omp/v1";
const robotIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * @param robotId 1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter or digit
 * @throws {OmpError} INVALID_ARGUMENT for an id that could reach another robot's topics
 */
export function checkRobotId(robotId: string): string {
  if (robotIdPattern.test(robotId)) return robotId;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "robotId cannot be part of a topic",
    observed: JSON.stringify(robotId),
    expected: "1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter or digit",
  });
}

/** `omp/v1/<robotId>/<kind>`. `robotId` has been checked. */
export function robotTopic(robotId: string, kind: FleetTopicKind): string {
  return `${prefix}/${robotId}/${kind}`;
}

/**
 * Subscriptions of a watcher, one for each kind. `omp/v1/<robotId>/#` would also bring the link protocol's frames, hundreds a
 * second.
 *
 * @param robotId all robots when left out
 */
export function watchFilters(robotId?: string): string[] {
  return fleetTopicKinds.map((kind) => robotTopic(robotId ?? "+", kind));
}

/** Where a robot takes commands. Nobody but the robot reads it. */
export function commandTopic(robotId: string): string {
  return `${prefix}/${robotId}/command`;
}

/** The robot and kind of a fleet topic, or undefined when it is none. */
export function parseRobotTopic(topic: string): RobotTopic | undefined {
  const [first, second, robotId, last, ...rest] = topic.split("/");
  if (`${first}/${second}` !== prefix || robotId === undefined || rest.length > 0) return undefined;
  const kind = fleetTopicKinds.find((candidate) => candidate === last);
  return kind !== undefined && robotIdPattern.test(robotId) ? { robotId, kind } : undefined;
}
