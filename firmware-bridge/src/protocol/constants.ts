/** Numbers and names of PROTOCOL.md, version 1.0. */

export const protocolMajor = 1;
export const protocolMinor = 0;

export const maxJoints = 8;
export const maxParts = 16;
export const maxPayloadBytes = 248;
/** type, seq, payload, crc. */
export const maxBodyBytes = 254;
export const minBodyBytes = 6;
/** A body after COBS, without its delimiter. */
export const maxEncodedBytes = 255;

/** A leading delimiter precedes a frame that follows more than this much silence, ms. */
export const leadingDelimiterSilenceMs = 5;
export const helloRetryMs = 250;

export const MessageType = {
  Hello: 0x01,
  Describe: 0x02,
  Sync: 0x03,
  Enable: 0x04,
  Disable: 0x05,
  Traj: 0x06,
  Heartbeat: 0x07,
  Estop: 0x08,
  Hold: 0x09,
  ClearFault: 0x0a,
  Subscribe: 0x0b,
  ParamGet: 0x0c,
  ParamSet: 0x0d,
  EventAck: 0x0e,
  Ident: 0x81,
  Description: 0x82,
  SyncReply: 0x83,
  Ack: 0x84,
  State: 0x85,
  Param: 0x86,
  Event: 0x87,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

export const AckCode = {
  Ok: 0,
  Late: 1,
  Limit: 2,
  Full: 3,
  Mode: 4,
  Schema: 5,
  Range: 6,
  Malformed: 7,
  Unknown: 8,
  Mismatch: 9,
} as const;
export type AckCode = (typeof AckCode)[keyof typeof AckCode];

export const ControllerMode = { Idle: 0, Hold: 1, Run: 2, Fault: 3 } as const;
export type ControllerMode = (typeof ControllerMode)[keyof typeof ControllerMode];

export const ControllerFault = {
  None: 0x00,
  Lease: 0x01,
  Underrun: 0x02,
  Position: 0x03,
  FollowingError: 0x05,
  Effort: 0x06,
  Temperature: 0x07,
  Voltage: 0x08,
  Bus: 0x09,
  Config: 0x0b,
  Estop: 0xe5,
} as const;
export type ControllerFault = (typeof ControllerFault)[keyof typeof ControllerFault];

/** Bits 8 to 15 name the joints that a fault damped or released. */
export const StateFlag = { Braking: 1, RingRanOut: 2, UndrivenShift: 8 } as const;

/** HELLO's features. */
export const Feature = { Events: 1 } as const;

export const EventCode = { Reset: 1, Fault: 2, FaultCleared: 3, RanOut: 4, Limit: 5 } as const;
export type EventCode = (typeof EventCode)[keyof typeof EventCode];

/** The joint field of what concerns the whole controller. */
export const noJoint = 0xff;

export const FailActionCode = { Hold: 0, Damp: 1, Release: 2 } as const;

export const ParamCode = {
  FailAction: 0x01,
  FollowingError: 0x02,
  MaxEffort: 0x03,
  MaxTemperature: 0x04,
  Underrun: 0x10,
  MinVoltage: 0x11,
  MaxVoltage: 0x12,
} as const;
export type ParamCode = (typeof ParamCode)[keyof typeof ParamCode];

export const JointKindCode = { Revolute: 0, Prismatic: 1 } as const;

/** Payload bytes of the messages of fixed length. TRAJ and STATE depend on the joint count. */
export const payloadBytes = {
  hello: 12,
  describe: 1,
  sync: 4,
  enable: 8,
  clearFault: 4,
  subscribe: 4,
  paramGet: 4,
  paramSet: 8,
  eventAck: 4,
  ident: 48,
  description: 44,
  syncReply: 16,
  ack: 8,
  param: 16,
  event: 16,
  trajHeader: 12,
  stateHeader: 20,
  stateJoint: 12,
} as const;

/** The seed of a frame is 0 for the messages that work without a session. */
export function isSessionless(type: number): boolean {
  return type === MessageType.Hello || type === MessageType.Ident || type === MessageType.Estop;
}

/** Waypoints one TRAJ part can carry. */
export function rowsPerPart(jointCount: number): number {
  return Math.floor((maxPayloadBytes - payloadBytes.trajHeader) / (4 * jointCount));
}

const ackNames: ReadonlyMap<number, string> = new Map(
  Object.entries(AckCode).map(([name, code]) => [code, name.toUpperCase()]),
);
const faultNames = new Map<number, string>([
  [ControllerFault.Lease, "LEASE (the controller heard nothing from the host for a lease)"],
  [ControllerFault.Underrun, "UNDERRUN (no waypoint came in time while the arm moved)"],
  [ControllerFault.Position, "POSITION (a joint is outside its range)"],
  [ControllerFault.FollowingError, "FOLLOWING_ERROR (a joint does not follow its command)"],
  [ControllerFault.Effort, "EFFORT (a joint works harder than it may)"],
  [ControllerFault.Temperature, "TEMPERATURE (a joint is too hot)"],
  [ControllerFault.Voltage, "VOLTAGE (the motors' supply is out of its range)"],
  [ControllerFault.Bus, "BUS (a joint gave no measurement)"],
  [ControllerFault.Config, "CONFIG (the kept parameters are damaged or of other joints)"],
  [ControllerFault.Estop, "ESTOP (emergency stop)"],
]);

/** For messages: "LATE" for 1, "code 42" for what the protocol does not define. */
export function ackName(code: number): string {
  return ackNames.get(code) ?? `code ${code}`;
}

/** For messages: the fault's name and what it means. */
export function faultName(fault: number): string {
  return faultNames.get(fault) ?? `fault 0x${fault.toString(16).padStart(2, "0")}`;
}
