import { OmpError } from "../../../sdk/src/errors.ts";
import type { JointKind } from "../../../sdk/src/types.ts";
import { JointKindCode, payloadBytes } from "./constants.ts";
import { crc32 } from "./crc32.ts";

/**
 * Payloads the controller sends, PROTOCOL.md §3, in wire units. Every `read…` fills `out` from a payload whose length was
 * checked; offsets are those of the tables there.
 */

export interface Ident {
  major: number;
  minor: number;
  jointCount: number;
  resetCause: number;
  tickHz: number;
  ringDepth: number;
  /** 0x00MMmmpp. */
  fwVersion: number;
  schemaHash: number;
  limitsCrc: number;
  bootId: number;
  sessionId: number;
  uid: readonly [number, number, number];
  minLeadTicks: number;
  maxLeadTicks: number;
  /** Of the kept parameters, PROTOCOL.md §8. */
  paramsCrc: number;
}

/** One joint: µrad, µrad/s, µrad/s² and mN·m, or µm, µm/s, µm/s² and mN. */
export interface JointDescription {
  readonly joint: number;
  readonly name: string;
  readonly kind: JointKind;
  readonly failAction: number;
  /** °C; 0: not monitored. */
  readonly maxTemperature: number;
  readonly minPosition: number;
  readonly maxPosition: number;
  readonly maxVelocity: number;
  readonly maxAcceleration: number;
  readonly maxEffort: number;
  readonly followingError: number;
}

export interface SyncReply {
  echo: number;
  rxTick: number;
  rxSubUs: number;
  txSubUs: number;
  txTick: number;
}

export interface Ack {
  seq: number;
  type: number;
  code: number;
  mode: number;
  freeWaypoints: number;
  chunkId: number;
}

/** The value of a parameter, and the CRCs of the controller's parameters and limits with it. */
export interface Param {
  param: number;
  joint: number;
  value: number;
  paramsCrc: number;
  limitsCrc: number;
}

export interface EventMessage {
  eventId: number;
  code: number;
  joint: number;
  tick: number;
  value: number;
  detail: number;
  lost: number;
}

/** Joint values in wire units: position and command µrad (µm), velocity mrad/s (mm/s), effort mN·m (mN). */
export interface StateMessage {
  tick: number;
  subUs: number;
  lastSeq: number;
  mode: number;
  fault: number;
  jointCount: number;
  faultNonce: number;
  buffered: number;
  flags: number;
  leaseLeftMs: number;
  chunkId: number;
  readonly position: Int32Array;
  readonly command: Int32Array;
  readonly velocity: Int16Array;
  readonly effort: Int16Array;
}

/** Reads an IDENT. Allocates: it arrives once a session. */
export function readIdent(payload: DataView): Ident {
  return {
    major: payload.getUint8(0),
    minor: payload.getUint8(1),
    jointCount: payload.getUint8(2),
    resetCause: payload.getUint8(3),
    tickHz: payload.getUint16(4, true),
    ringDepth: payload.getUint16(6, true),
    fwVersion: payload.getUint32(8, true),
    schemaHash: payload.getUint32(12, true),
    limitsCrc: payload.getUint32(16, true),
    bootId: payload.getUint32(20, true),
    sessionId: payload.getUint32(24, true),
    uid: [payload.getUint32(28, true), payload.getUint32(32, true), payload.getUint32(36, true)],
    minLeadTicks: payload.getUint16(40, true),
    maxLeadTicks: payload.getUint16(42, true),
    paramsCrc: payload.getUint32(44, true),
  };
}

/**
 * Reads a DESCRIPTION. Allocates: it arrives once a joint and session.
 *
 * @throws {OmpError} LINK_MISMATCH when the joint is neither revolute nor prismatic
 */
export function readDescription(payload: DataView): JointDescription {
  let name = "";
  for (let i = 28; i < payloadBytes.description; i++) {
    const byte = payload.getUint8(i);
    if (byte === 0) break;
    name += String.fromCharCode(byte);
  }
  const joint = payload.getUint8(0);
  return {
    joint,
    name,
    kind: jointKind(payload.getUint8(1), joint),
    failAction: payload.getUint8(2),
    maxTemperature: payload.getUint8(3),
    minPosition: payload.getInt32(4, true),
    maxPosition: payload.getInt32(8, true),
    maxVelocity: payload.getUint32(12, true),
    maxAcceleration: payload.getUint32(16, true),
    maxEffort: payload.getUint32(20, true),
    followingError: payload.getUint32(24, true),
  };
}

function jointKind(code: number, joint: number): JointKind {
  if (code === JointKindCode.Revolute) return "revolute";
  if (code === JointKindCode.Prismatic) return "prismatic";
  throw new OmpError("LINK_MISMATCH", {
    what: `the controller describes joint ${joint} by a kind this host does not know`,
    observed: `kind ${code}`,
    expected: "0 (revolute) or 1 (prismatic)",
  });
}

export function readSyncReply(payload: DataView, out: SyncReply): void {
  out.echo = payload.getUint32(0, true);
  out.rxTick = payload.getUint32(4, true);
  out.rxSubUs = payload.getUint16(8, true);
  out.txSubUs = payload.getUint16(10, true);
  out.txTick = payload.getUint32(12, true);
}

export function readAck(payload: DataView, out: Ack): void {
  out.seq = payload.getUint8(0);
  out.type = payload.getUint8(1);
  out.code = payload.getUint8(2);
  out.mode = payload.getUint8(3);
  out.freeWaypoints = payload.getUint16(4, true);
  out.chunkId = payload.getUint16(6, true);
}

/** Reads a PARAM. Allocates: it answers a question. */
export function readParam(payload: DataView): Param {
  return {
    param: payload.getUint8(0),
    joint: payload.getUint8(1),
    value: payload.getUint32(4, true),
    paramsCrc: payload.getUint32(8, true),
    limitsCrc: payload.getUint32(12, true),
  };
}

/** Reads an EVENT. Allocates: few happen. */
export function readEvent(payload: DataView): EventMessage {
  return {
    eventId: payload.getUint16(0, true),
    code: payload.getUint8(2),
    joint: payload.getUint8(3),
    tick: payload.getUint32(4, true),
    value: payload.getInt32(8, true),
    detail: payload.getUint8(12),
    lost: payload.getUint16(14, true),
  };
}

export function createStateMessage(jointCount: number): StateMessage {
  return {
    tick: 0,
    subUs: 0,
    lastSeq: 0,
    mode: 0,
    fault: 0,
    jointCount: 0,
    faultNonce: 0,
    buffered: 0,
    flags: 0,
    leaseLeftMs: 0,
    chunkId: 0,
    position: new Int32Array(jointCount),
    command: new Int32Array(jointCount),
    velocity: new Int16Array(jointCount),
    effort: new Int16Array(jointCount),
  };
}

/** Payload bytes of a STATE. */
export function stateBytes(jointCount: number): number {
  return payloadBytes.stateHeader + payloadBytes.stateJoint * jointCount;
}

/** Reads a STATE of as many joints as `out` has. */
export function readState(payload: DataView, out: StateMessage): void {
  out.tick = payload.getUint32(0, true);
  out.subUs = payload.getUint16(4, true);
  out.lastSeq = payload.getUint8(6);
  out.mode = payload.getUint8(7);
  out.fault = payload.getUint8(8);
  out.jointCount = payload.getUint8(9);
  out.faultNonce = payload.getUint16(10, true);
  out.buffered = payload.getUint16(12, true);
  out.flags = payload.getUint16(14, true);
  out.leaseLeftMs = payload.getUint16(16, true);
  out.chunkId = payload.getUint16(18, true);
  for (let joint = 0; joint < out.position.length; joint++) {
    const at = payloadBytes.stateHeader + payloadBytes.stateJoint * joint;
    out.position[joint] = payload.getInt32(at, true);
    out.command[joint] = payload.getInt32(at + 4, true);
    out.velocity[joint] = payload.getInt16(at + 8, true);
    out.effort[joint] = payload.getInt16(at + 10, true);
  }
}

/** The schema hash of PROTOCOL.md §4. */
export function schemaHash(joints: readonly { name: string; kind: JointKind }[]): number {
  const text = joints.map(({ name, kind }) => `${name}:${kind}\n`).join("");
  return crc32(new TextEncoder().encode(`omp-link 1\n${text}`));
}

/** The limits CRC of PROTOCOL.md §4, over the 44-byte DESCRIPTION payloads in joint order. */
export function limitsCrc(descriptionPayloads: readonly Uint8Array[]): number {
  return descriptionPayloads.reduce((crc, payload) => crc32(payload, crc), 0);
}
