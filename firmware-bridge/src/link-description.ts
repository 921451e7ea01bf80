import type { LinkDescription } from "../../sdk/src/actuator-link.ts";
import type { Joint } from "../../sdk/src/types.ts";
import type { Controller } from "./handshake.ts";
import type { JointDescription } from "./protocol/controller-messages.ts";
import { fromCounts, stateCountsPerUnit } from "./protocol/units.ts";
import { maxWaypoints } from "./trajectory-sender.ts";

/** Rounding of `t0` to a tick, and what the tick grid may lag behind the clock map. */
const gridSlackTicks = 3;

/** What PROTOCOL.md calls IDENT and DESCRIPTION, in SI units. */
export function describeLink(name: string, controller: Controller): LinkDescription {
  const { ident, joints } = controller;
  return {
    name,
    joints: joints.map(jointOf),
    firmware: `${ident.fwVersion >>> 16}.${(ident.fwVersion >>> 8) & 0xff}.${ident.fwVersion & 0xff}`,
    minLeadMs: ((ident.minLeadTicks + gridSlackTicks) * 1000) / ident.tickHz,
    maxWaypoints: maxWaypoints(controller),
  };
}

function jointOf(joint: JointDescription): Joint {
  return {
    name: joint.name,
    kind: joint.kind,
    minPosition: fromCounts(joint.minPosition),
    maxPosition: fromCounts(joint.maxPosition),
    maxVelocity: fromCounts(joint.maxVelocity),
    maxAcceleration: fromCounts(joint.maxAcceleration),
    // 0 says that the controller does not monitor it.
    ...(joint.maxEffort > 0 && { maxEffort: joint.maxEffort / stateCountsPerUnit }),
    ...(joint.followingError > 0 && { maxFollowingError: fromCounts(joint.followingError) }),
  };
}
