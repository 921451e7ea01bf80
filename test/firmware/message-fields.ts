import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import {
  createStateMessage,
  readAck,
  readDescription,
  readEvent,
  readIdent,
  readParam,
  readState,
  readSyncReply,
} from "../../firmware-bridge/src/protocol/controller-messages.ts";
import {
  readClearFault,
  readEnable,
  readHello,
  readParamSet,
  readTrajHeader,
  readTrajPosition,
  writeClearFault,
  writeDescribe,
  writeEnable,
  writeEventAck,
  writeHello,
  writeParamGet,
  writeParamSet,
  writeSubscribe,
  writeSync,
  writeTrajHeader,
  writeTrajPosition,
} from "../../firmware-bridge/src/protocol/host-messages.ts";
import type { FieldValue, MessageVector } from "./vectors.ts";

/** The SDK's codec under the field names of PROTOCOL.md. */

type Fields = Readonly<Record<string, FieldValue>>;

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") throw new TypeError(`no number ${name}`);
  return value;
}

function rowsOf(fields: Fields): number[][] {
  const rows = fields["rows"];
  if (typeof rows !== "object") throw new TypeError("no rows");
  return rows.map((row) => (Array.isArray(row) ? row.map(Number) : []));
}

/** Writes a host message's payload from its fields; returns its length. */
export function writePayload({ type, fields }: MessageVector, out: DataView): number {
  const field = (name: string): number => numberOf(fields, name);
  switch (type) {
    case MessageType.Hello:
      return writeHello(out, field("session_id"), field("features"));
    case MessageType.Describe:
      return writeDescribe(out, field("joint"));
    case MessageType.Sync:
      return writeSync(out, field("echo"));
    case MessageType.Enable:
      return writeEnable(out, {
        jointMask: field("joint_mask"),
        leaseMs: field("lease_ms"),
        limitsCrc: field("limits_crc"),
      });
    case MessageType.Traj: {
      const headerBytes = writeTrajHeader(out, {
        chunkId: field("chunk_id"),
        partIndex: field("part_index"),
        partCount: field("part_count"),
        t0: field("t0"),
        dt: field("dt"),
        n: field("n"),
        jointMask: field("joint_mask"),
      });
      const positions = rowsOf(fields).flat();
      for (const [i, position] of positions.entries()) writeTrajPosition(out, i, position);
      return headerBytes + 4 * positions.length;
    }
    case MessageType.ClearFault:
      return writeClearFault(out, { fault: field("fault"), faultNonce: field("fault_nonce") });
    case MessageType.Subscribe:
      return writeSubscribe(out, field("period_ticks"));
    case MessageType.ParamGet:
      return writeParamGet(out, { param: field("param"), joint: field("joint") });
    case MessageType.ParamSet:
      return writeParamSet(out, {
        param: field("param"),
        joint: field("joint"),
        value: field("value"),
      });
    case MessageType.EventAck:
      return writeEventAck(out, field("event_id"));
    default:
      return 0;
  }
}

/** Reads a payload back into the vector's field names; undefined for what the SDK only writes. */
export function readFields(vector: MessageVector, payload: DataView): Fields | undefined {
  return readHostFields(vector, payload) ?? readControllerFields(vector, payload);
}

function readHostFields({ type, fields }: MessageVector, payload: DataView): Fields | undefined {
  switch (type) {
    case MessageType.Hello: {
      const hello = { major: 0, minor: 0, sessionId: 0, features: 0 };
      readHello(payload, hello);
      const { sessionId: session_id, ...rest } = hello;
      return { ...rest, session_id };
    }
    case MessageType.Enable: {
      const enable = { jointMask: 0, leaseMs: 0, limitsCrc: 0 };
      readEnable(payload, enable);
      const { jointMask: joint_mask, leaseMs: lease_ms, limitsCrc: limits_crc } = enable;
      return { joint_mask, lease_ms, limits_crc };
    }
    case MessageType.Traj: {
      const header = { chunkId: 0, partIndex: 0, partCount: 0, t0: 0, dt: 0, n: 0, jointMask: 0 };
      readTrajHeader(payload, header);
      const { chunkId: chunk_id, partIndex: part_index, partCount: part_count } = header;
      const { t0, dt, n, jointMask: joint_mask } = header;
      const width = rowsOf(fields)[0]?.length ?? 0;
      const rows = Array.from({ length: n }, (_, row) =>
        Array.from({ length: width }, (_joint, j) => readTrajPosition(payload, row * width + j)),
      );
      return { chunk_id, part_index, part_count, t0, dt, n, joint_mask, rows };
    }
    case MessageType.ClearFault: {
      const clear = { fault: 0, faultNonce: 0 };
      readClearFault(payload, clear);
      return { fault: clear.fault, fault_nonce: clear.faultNonce };
    }
    case MessageType.ParamSet: {
      const setting = { param: 0, joint: 0, value: 0 };
      readParamSet(payload, setting);
      return setting;
    }
    default:
      return undefined;
  }
}

function readControllerFields(vector: MessageVector, payload: DataView): Fields | undefined {
  switch (vector.type) {
    case MessageType.Ident: {
      const ident = readIdent(payload);
      return {
        major: ident.major,
        minor: ident.minor,
        joint_count: ident.jointCount,
        reset_cause: ident.resetCause,
        tick_hz: ident.tickHz,
        ring_depth: ident.ringDepth,
        fw_version: ident.fwVersion,
        schema_hash: ident.schemaHash,
        limits_crc: ident.limitsCrc,
        boot_id: ident.bootId,
        session_id: ident.sessionId,
        uid: [...ident.uid],
        min_lead_ticks: ident.minLeadTicks,
        max_lead_ticks: ident.maxLeadTicks,
        params_crc: ident.paramsCrc,
      };
    }
    case MessageType.Description: {
      const joint = readDescription(payload);
      return {
        joint: joint.joint,
        kind: joint.kind === "revolute" ? 0 : 1,
        fail_action: joint.failAction,
        max_temperature: joint.maxTemperature,
        min_position: joint.minPosition,
        max_position: joint.maxPosition,
        max_velocity: joint.maxVelocity,
        max_acceleration: joint.maxAcceleration,
        max_effort: joint.maxEffort,
        following_error: joint.followingError,
        name: joint.name,
      };
    }
    case MessageType.SyncReply: {
      const reply = { echo: 0, rxTick: 0, rxSubUs: 0, txSubUs: 0, txTick: 0 };
      readSyncReply(payload, reply);
      const { echo, rxTick: rx_tick, rxSubUs: rx_sub_us, txSubUs, txTick } = reply;
      return { echo, rx_tick, rx_sub_us, tx_sub_us: txSubUs, tx_tick: txTick };
    }
    case MessageType.Ack: {
      const ack = { seq: 0, type: 0, code: 0, mode: 0, freeWaypoints: 0, chunkId: 0 };
      readAck(payload, ack);
      const { freeWaypoints: free_waypoints, chunkId: chunk_id, ...rest } = ack;
      return { ...rest, free_waypoints, chunk_id };
    }
    case MessageType.State:
      return readStateFields(vector, payload);
    case MessageType.Param: {
      const { paramsCrc: params_crc, limitsCrc: limits_crc, ...rest } = readParam(payload);
      return { ...rest, params_crc, limits_crc };
    }
    case MessageType.Event: {
      const { eventId: event_id, ...rest } = readEvent(payload);
      return { ...rest, event_id };
    }
    default:
      return undefined;
  }
}

function readStateFields({ fields }: MessageVector, payload: DataView): Fields {
  const state = createStateMessage(numberOf(fields, "joint_count"));
  readState(payload, state);
  return {
    tick: state.tick,
    sub_us: state.subUs,
    last_seq: state.lastSeq,
    mode: state.mode,
    fault: state.fault,
    joint_count: state.jointCount,
    fault_nonce: state.faultNonce,
    buffered: state.buffered,
    flags: state.flags,
    lease_left_ms: state.leaseLeftMs,
    chunk_id: state.chunkId,
    joints: [...state.position].map((position, j) => ({
      position,
      command: state.command[j] ?? 0,
      velocity: state.velocity[j] ?? 0,
      effort: state.effort[j] ?? 0,
    })),
  };
}
