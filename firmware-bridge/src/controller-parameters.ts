import { OmpError } from "../../sdk/src/errors.ts";
import { describeJoints, type Controller, type DescribedJoints } from "./handshake.ts";
import { MessageType, ParamCode, noJoint, payloadBytes } from "./protocol/constants.ts";
import { readParam, type JointDescription, type Param } from "./protocol/controller-messages.ts";
import { writeParamGet, writeParamSet, type ParamKey } from "./protocol/host-messages.ts";
import { countsPerUnit, fromCounts, stateCountsPerUnit } from "./protocol/units.ts";
import { requireOk, type Session } from "./session.ts";

/**
 * What a joint does in a fault: brake and hold its position, oppose motion without a position, or let go. An arm whose joints let go
 * falls.
 */
export type FailAction = "hold" | "damp" | "release";

/** Of one joint. Of a limit 0 means not monitored, and is the only value taken for what the controller does not measure. */
export interface JointParameters {
  readonly failAction: FailAction;
  /** Greatest distance of the measured position from the command, rad or m. */
  readonly followingError: number;
  /** N·m or N. */
  readonly maxEffort: number;
  /** °C, a whole number up to 255. */
  readonly maxTemperature: number;
}

/** Of the whole controller. */
export interface SupplyParameters {
  /** What a ring of waypoints that runs out while the arm moves is: braking into hold, or a fault. */
  readonly underrun: "hold" | "fault";
  /** V; 0: not monitored. */
  readonly minVoltage: number;
  /** V; 0: not monitored. */
  readonly maxVoltage: number;
}

/** PROTOCOL.md §8. The controller keeps them across resets. */
export interface ControllerParameters extends SupplyParameters {
  /** In joint order. */
  readonly joints: readonly (JointParameters & { readonly name: string })[];
}

/** What to change; what is left out stays. Joints by name. */
export interface ParameterChanges extends Partial<SupplyParameters> {
  readonly joints?: Readonly<Record<string, Partial<JointParameters>>>;
}

interface Setting extends ParamKey {
  readonly value: number;
  /** For messages. */
  readonly what: string;
}

const getTries = 4;
const maxValue = 0x7fffffff;
/** By their codes. */
const failActions: readonly FailAction[] = ["hold", "damp", "release"];
const underruns: readonly SupplyParameters["underrun"][] = ["hold", "fault"];

/** Parameters as the controller has them now. */
export async function readParameters(
  session: Session,
  controller: Controller,
): Promise<ControllerParameters> {
  const underrun = await getParam(session, { param: ParamCode.Underrun, joint: noJoint });
  const low = await getParam(session, { param: ParamCode.MinVoltage, joint: noJoint });
  const high = await getParam(session, { param: ParamCode.MaxVoltage, joint: noJoint });
  return {
    underrun: underruns[underrun.value] ?? "fault",
    minVoltage: low.value / 1000,
    maxVoltage: high.value / 1000,
    joints: controller.joints.map(jointParameters),
  };
}

/**
 * Sets one parameter after the other, then reads the joints anew, also when one was refused: their limits are what `ENABLE` must prove
 * to know.
 *
 * @param adopt takes the joints as they are then
 * @throws {OmpError} INVALID_ARGUMENT before anything is sent; LINK_REFUSED, LINK_TIMEOUT, LINK_MISMATCH, LINK_CLOSED
 */
export async function writeParameters(
  session: Session,
  controller: Controller,
  changes: ParameterChanges,
  adopt: (described: DescribedJoints) => void,
): Promise<void> {
  // Outside of the try: what throws here has sent nothing.
  const settings = settingsOf(changes, controller.joints);
  try {
    for (const one of settings) {
      const what = `PARAM_SET of ${one.what}`;
      const length = writeParamSet(session.payload, one);
      requireOk(await session.request(MessageType.ParamSet, length, what), what);
    }
  } finally {
    const { limitsCrc } = await getParam(session, { param: ParamCode.Underrun, joint: noJoint });
    adopt(await describeJoints(session, controller.ident, limitsCrc));
  }
}

async function getParam(session: Session, key: ParamKey): Promise<Param> {
  for (let attempt = 0; attempt < getTries && !session.hasEnded; attempt++) {
    session.post(MessageType.ParamGet, writeParamGet(session.payload, key));
    const payload = await session.awaitFrame(MessageType.Param);
    if (payload?.byteLength !== payloadBytes.param) continue;
    const param = readParam(payload);
    if (param.param === key.param && param.joint === key.joint) return param;
  }
  throw new OmpError(session.hasEnded ? "LINK_CLOSED" : "LINK_TIMEOUT", {
    what: `the controller did not answer PARAM_GET of 0x${key.param.toString(16)}`,
    observed: `no PARAM after ${getTries} tries`,
  });
}

function jointParameters(joint: JointDescription): JointParameters & { name: string } {
  const failAction = failActions[joint.failAction];
  if (failAction === undefined) {
    throw new OmpError("LINK_MISMATCH", {
      what: `the controller describes a fail action of ${joint.name} that this host does not know`,
      observed: `${joint.failAction}`,
      expected: `0 to ${failActions.length - 1}`,
    });
  }
  return {
    name: joint.name,
    failAction,
    followingError: fromCounts(joint.followingError),
    maxEffort: joint.maxEffort / stateCountsPerUnit,
    maxTemperature: joint.maxTemperature,
  };
}

/** In wire units, checked whole before the first one is sent. */
function settingsOf(changes: ParameterChanges, joints: readonly JointDescription[]): Setting[] {
  const { underrun, minVoltage, maxVoltage } = changes;
  const ofController = [
    setting("underrun", ParamCode.Underrun, noJoint, indexIn(underruns, underrun)),
    setting("minVoltage", ParamCode.MinVoltage, noJoint, scaled(minVoltage, 1000)),
    setting("maxVoltage", ParamCode.MaxVoltage, noJoint, scaled(maxVoltage, 1000)),
  ];
  const ofJoints = Object.entries(changes.joints ?? {}).flatMap(([name, wanted]) => {
    const joint = joints.findIndex((own) => own.name === name);
    if (joint < 0) {
      throw invalid("joints", name, `one of ${joints.map((own) => own.name).join(", ")}`);
    }
    const { failAction, followingError, maxEffort, maxTemperature } = wanted;
    const action = indexIn(failActions, failAction);
    const error = scaled(followingError, countsPerUnit);
    const effort = scaled(maxEffort, stateCountsPerUnit);
    return [
      setting(`${name}.failAction`, ParamCode.FailAction, joint, action),
      setting(`${name}.followingError`, ParamCode.FollowingError, joint, error),
      setting(`${name}.maxEffort`, ParamCode.MaxEffort, joint, effort),
      setting(`${name}.maxTemperature`, ParamCode.MaxTemperature, joint, maxTemperature),
    ];
  });
  return [...ofController, ...ofJoints].filter((one) => one !== undefined);
}

function setting(
  what: string,
  param: number,
  joint: number,
  value: number | undefined,
): Setting | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && value >= 0 && value <= maxValue) {
    return { what, param, joint, value };
  }
  throw invalid(what, `${value} on the wire`, `a whole number from 0 to ${maxValue}`);
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : Math.round(value * factor);
}

function indexIn(names: readonly string[], name: string | undefined): number | undefined {
  return name === undefined ? undefined : names.indexOf(name);
}

function invalid(what: string, observed: string, expected: string): OmpError {
  return new OmpError("INVALID_ARGUMENT", {
    what: `parameter ${what} cannot be set`,
    observed,
    expected,
  });
}
