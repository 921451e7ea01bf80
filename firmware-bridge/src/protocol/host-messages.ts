import { payloadBytes, protocolMajor, protocolMinor } from "./constants.ts";

/**
 * Payloads the host sends, PROTOCOL.md §3. Every `write…` fills `out` from its first byte and returns the payload length; every
 * `read…` fills `out` from a payload whose length was checked. Offsets are those of the tables there.
 */

export interface Hello {
  major: number;
  minor: number;
  sessionId: number;
  features: number;
}

export interface Enable {
  jointMask: number;
  leaseMs: number;
  limitsCrc: number;
}

export interface TrajHeader {
  chunkId: number;
  partIndex: number;
  partCount: number;
  /** u32 tick. */
  t0: number;
  dt: number;
  n: number;
  jointMask: number;
}

export interface ParamKey {
  param: number;
  /** `noJoint` for a parameter of the controller. */
  joint: number;
}

export interface ParamSetting extends ParamKey {
  /** u32. */
  value: number;
}

export interface ClearFault {
  fault: number;
  faultNonce: number;
}

/** All joints of the controller, as ENABLE and TRAJ name them. */
export function allJointsMask(jointCount: number): number {
  return (1 << jointCount) - 1;
}

export function writeHello(out: DataView, sessionId: number, features = 0): number {
  out.setUint8(0, protocolMajor);
  out.setUint8(1, protocolMinor);
  out.setUint16(2, 0, true);
  out.setUint32(4, sessionId, true);
  out.setUint32(8, features, true);
  return payloadBytes.hello;
}

export function readHello(payload: DataView, out: Hello): void {
  out.major = payload.getUint8(0);
  out.minor = payload.getUint8(1);
  out.sessionId = payload.getUint32(4, true);
  out.features = payload.getUint32(8, true);
}

export function writeDescribe(out: DataView, joint: number): number {
  out.setUint8(0, joint);
  return payloadBytes.describe;
}

export function writeSync(out: DataView, echo: number): number {
  out.setUint32(0, echo, true);
  return payloadBytes.sync;
}

export function writeEnable(out: DataView, message: Readonly<Enable>): number {
  out.setUint8(0, message.jointMask);
  out.setUint8(1, 0);
  out.setUint16(2, message.leaseMs, true);
  out.setUint32(4, message.limitsCrc, true);
  return payloadBytes.enable;
}

export function readEnable(payload: DataView, out: Enable): void {
  out.jointMask = payload.getUint8(0);
  out.leaseMs = payload.getUint16(2, true);
  out.limitsCrc = payload.getUint32(4, true);
}

export function writeTrajHeader(out: DataView, header: Readonly<TrajHeader>): number {
  out.setUint16(0, header.chunkId, true);
  out.setUint8(2, header.partIndex);
  out.setUint8(3, header.partCount);
  out.setUint32(4, header.t0, true);
  out.setUint16(8, header.dt, true);
  out.setUint8(10, header.n);
  out.setUint8(11, header.jointMask);
  return payloadBytes.trajHeader;
}

export function readTrajHeader(payload: DataView, out: TrajHeader): void {
  out.chunkId = payload.getUint16(0, true);
  out.partIndex = payload.getUint8(2);
  out.partCount = payload.getUint8(3);
  out.t0 = payload.getUint32(4, true);
  out.dt = payload.getUint16(8, true);
  out.n = payload.getUint8(10);
  out.jointMask = payload.getUint8(11);
}

/** @param index of the position in the part, row-major over waypoints and joints */
export function writeTrajPosition(out: DataView, index: number, position: number): void {
  out.setInt32(payloadBytes.trajHeader + 4 * index, position, true);
}

export function readTrajPosition(payload: DataView, index: number): number {
  return payload.getInt32(payloadBytes.trajHeader + 4 * index, true);
}

/** Payload bytes of a TRAJ part. */
export function trajBytes(n: number, jointCount: number): number {
  return payloadBytes.trajHeader + 4 * n * jointCount;
}

export function writeClearFault(out: DataView, message: Readonly<ClearFault>): number {
  out.setUint8(0, message.fault);
  out.setUint8(1, 0);
  out.setUint16(2, message.faultNonce, true);
  return payloadBytes.clearFault;
}

export function readClearFault(payload: DataView, out: ClearFault): void {
  out.fault = payload.getUint8(0);
  out.faultNonce = payload.getUint16(2, true);
}

/** @param periodTicks 0: off */
export function writeSubscribe(out: DataView, periodTicks: number): number {
  out.setUint16(0, periodTicks, true);
  out.setUint16(2, 0, true);
  return payloadBytes.subscribe;
}

export function writeParamGet(out: DataView, key: Readonly<ParamKey>): number {
  out.setUint8(0, key.param);
  out.setUint8(1, key.joint);
  out.setUint16(2, 0, true);
  return payloadBytes.paramGet;
}

export function writeParamSet(out: DataView, setting: Readonly<ParamSetting>): number {
  writeParamGet(out, setting);
  out.setUint32(4, setting.value, true);
  return payloadBytes.paramSet;
}

export function readParamSet(payload: DataView, out: ParamSetting): void {
  out.param = payload.getUint8(0);
  out.joint = payload.getUint8(1);
  out.value = payload.getUint32(4, true);
}

export function writeEventAck(out: DataView, eventId: number): number {
  out.setUint16(0, eventId, true);
  out.setUint16(2, 0, true);
  return payloadBytes.eventAck;
}
