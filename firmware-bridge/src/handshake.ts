import type { Clock } from "../../sdk/src/clock.ts";
import { OmpError } from "../../sdk/src/errors.ts";
import {
  MessageType,
  helloRetryMs,
  maxJoints,
  protocolMajor,
  protocolMinor,
} from "./protocol/constants.ts";
import {
  limitsCrc,
  readDescription,
  readIdent,
  schemaHash,
  type Ident,
  type JointDescription,
} from "./protocol/controller-messages.ts";
import { writeDescribe, writeSubscribe } from "./protocol/host-messages.ts";
import { requireOk, type Session } from "./session.ts";

/** The joints of a controller and the CRC that ENABLE must prove to know. */
export interface DescribedJoints {
  readonly joints: readonly JointDescription[];
  /** PROTOCOL.md §4, computed from the descriptions. */
  readonly limitsCrc: number;
}

/** What a controller said it is, in wire units. */
export interface Controller extends DescribedJoints {
  readonly ident: Ident;
}

const describeTries = 4;
const firstProbes = 8;
const leastProbes = 3;

/**
 * Brings a session up: HELLO until IDENT, DESCRIBE every joint, check schema and limits, probe the clock.
 *
 * @throws {OmpError} LINK_HANDSHAKE_FAILED, LINK_MISMATCH, LINK_CLOSED
 */
export async function shakeHands(
  session: Session,
  clock: Clock,
  timeoutMs: number,
): Promise<Controller> {
  const ident = await greet(session, clock, timeoutMs);
  session.begin(ident);
  const described = await describeJoints(session, ident, ident.limitsCrc);
  await probeClock(session);
  return { ident, ...described };
}

/**
 * Asks for every joint.
 *
 * @param claimedLimits the limits CRC that the controller says the descriptions give
 * @throws {OmpError} LINK_HANDSHAKE_FAILED, LINK_MISMATCH
 */
export async function describeJoints(
  session: Session,
  ident: Ident,
  claimedLimits: number,
): Promise<DescribedJoints> {
  const joints: JointDescription[] = [];
  const payloads: Uint8Array[] = [];
  for (let joint = 0; joint < ident.jointCount; joint++) {
    const payload = await describe(session, joint);
    payloads.push(new Uint8Array(payload.buffer));
    joints.push(readDescription(payload));
  }
  const computed = limitsCrc(payloads);
  checkEqual("the schema hash of its joints", schemaHash(joints), ident.schemaHash);
  checkEqual("the CRC of its limits", computed, claimedLimits);
  return { joints, limitsCrc: computed };
}

/**
 * Asks for joint states and waits for the first one.
 *
 * @param hasState whether a joint state has been taken in this session
 * @throws {OmpError} LINK_HANDSHAKE_FAILED, LINK_REFUSED, LINK_TIMEOUT, LINK_CLOSED
 */
export async function subscribe(
  session: Session,
  { ident }: Controller,
  periodMs: number,
  hasState: () => boolean,
): Promise<void> {
  const ticks = Math.max(1, Math.round((periodMs * ident.tickHz) / 1000));
  const length = writeSubscribe(session.payload, ticks);
  requireOk(await session.request(MessageType.Subscribe, length, "SUBSCRIBE"), "SUBSCRIBE");
  if (!hasState()) await session.awaitFrame(MessageType.State);
  if (!hasState()) throw noAnswer("SUBSCRIBE", "it was accepted and no STATE came");
}

async function greet(session: Session, clock: Clock, timeoutMs: number): Promise<Ident> {
  const deadlineMs = clock.nowMs() + timeoutMs;
  while (clock.nowMs() < deadlineMs && !session.hasEnded) {
    session.postHello();
    const payload = await session.awaitFrame(MessageType.Ident, helloRetryMs);
    if (payload === undefined) continue;
    const ident = readIdent(payload);
    checkVersion(ident);
    if (ident.sessionId === session.sessionId) return ident;
  }
  throw noAnswer("HELLO", `no IDENT for ${timeoutMs} ms`);
}

async function describe(session: Session, joint: number): Promise<DataView> {
  for (let attempt = 0; attempt < describeTries && !session.hasEnded; attempt++) {
    session.post(MessageType.Describe, writeDescribe(session.payload, joint));
    const payload = await session.awaitFrame(MessageType.Description, helloRetryMs);
    if (payload?.getUint8(0) === joint) return payload;
  }
  throw noAnswer(`DESCRIBE of joint ${joint}`, `no DESCRIPTION after ${describeTries} tries`);
}

async function probeClock(session: Session): Promise<void> {
  let replies = 0;
  for (let probe = 0; probe < firstProbes && !session.hasEnded; probe++) {
    session.postSync();
    if ((await session.awaitFrame(MessageType.SyncReply)) !== undefined) replies++;
  }
  if (replies < leastProbes) {
    throw noAnswer("SYNC", `${replies} of ${firstProbes} probes were answered`);
  }
}

function checkVersion(ident: Ident): void {
  if (ident.major !== protocolMajor) {
    throw new OmpError("LINK_MISMATCH", {
      what: "the controller speaks another version of the link protocol",
      observed: `${ident.major}.${ident.minor}`,
      expected: `${protocolMajor}.${protocolMinor}`,
      next: "Update the firmware or omp-edge.",
    });
  }
  if (ident.jointCount < 1 || ident.jointCount > maxJoints || ident.tickHz === 0) {
    throw new OmpError("LINK_MISMATCH", {
      what: "the controller describes itself out of range",
      observed: `${ident.jointCount} joints, ${ident.tickHz} Hz`,
      expected: `1 to ${maxJoints} joints and a tick rate above 0`,
    });
  }
}

function checkEqual(what: string, computed: number, claimed: number): void {
  if (computed === claimed) return;
  throw new OmpError("LINK_MISMATCH", {
    what: `the controller's descriptions do not give ${what}`,
    observed: `0x${computed.toString(16)}`,
    expected: `0x${claimed.toString(16)}, as it claims`,
    next: "The firmware is inconsistent or a description was misread; do not arm it.",
  });
}

function noAnswer(request: string, observed: string): OmpError {
  return new OmpError("LINK_HANDSHAKE_FAILED", {
    what: `the controller did not answer ${request}`,
    observed,
    next: "Check the port, the baud rate, that nothing else uses the line, and that the controller runs the link firmware.",
  });
}
