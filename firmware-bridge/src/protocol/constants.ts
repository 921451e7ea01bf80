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
  Ident: 0x81,
  Description: 0x82,
  SyncReply: 0x83,
  Ack: 0x84,
  State: 0x85,
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
  FollowingError: 0x05,
  Bus: 0x09,
  Estop: 0xe5,
} as const;
export type ControllerFault = (typeof ControllerFault)[keyof typeof ControllerFault];

export const StateFlag = { Braking: 1, RingRanOut: 2 } as const;

export const JointKindCode = { Revolute: 0, Prismatic: 1 } as const;

/** Payload bytes of the messages of fixed length. TRAJ and STATE depend on the joint count. */
export const payloadBytes = {
  hello: 12,
  describe: 1,
  sync: 4,
  enable: 8,
  clearFault: 4,
  subscribe: 4,
  ident: 48,
  description: 44,
  syncReply: 16,
  ack: 8,
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
  [ControllerFault.FollowingError, "FOLLOWING_ERROR (a joint does not follow its command)"],
  [ControllerFault.Bus, "BUS (a joint gave no measurement)"],
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
