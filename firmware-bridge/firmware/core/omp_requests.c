#include "omp_requests.h"

#include "omp_bytes.h"
#include "omp_modes.h"
#include "omp_report.h"

enum {
  HELLO_BYTES = 12,
  ENABLE_BYTES = 8,
  TRAJ_HEADER_BYTES = 12,
  PARAM_GET_BYTES = 4,
  PARAM_SET_BYTES = 8,
  EVENT_ACK_BYTES = 4,
};

static uint8_t all_joints(const omp_core *core) { return (uint8_t)((1u << core->config.joint_count) - 1u); }

/* ---- Not acknowledged ---- */

static void begin_session(omp_core *core, const omp_frame *frame) {
  core->session_id = omp_get_u32(frame->payload + 4);
  core->features = omp_get_u32(frame->payload + 8);
  core->rx_seq = frame->seq;
  core->tx_seq = 0;
  core->state_period = 0;
  core->is_event_sent = false;
  if (omp_modes_is_armed(core)) omp_modes_stop(core, OMP_MODE_IDLE);
  omp_path_unstage(&core->path);
}

static void take_hello(omp_core *core, const omp_frame *frame) {
  if (frame->length != HELLO_BYTES) return;
  const uint32_t session_id = omp_get_u32(frame->payload + 4);
  const bool is_new = session_id != 0 && session_id != core->session_id;
  if (frame->payload[0] == OMP_PROTOCOL_MAJOR && is_new) begin_session(core, frame);
  omp_report_ident(core);
}

static void take_describe(omp_core *core, const omp_frame *frame) {
  if (frame->length != 1 || frame->payload[0] >= core->config.joint_count) return;
  omp_report_description(core, frame->payload[0]);
}

static void take_sync(omp_core *core, const omp_frame *frame) {
  if (frame->length == 4) omp_report_sync(core, omp_get_u32(frame->payload));
}

static void take_event_ack(omp_core *core, const omp_frame *frame) {
  if (frame->length != EVENT_ACK_BYTES) return;
  if (omp_events_acknowledge(&core->events, omp_get_u16(frame->payload))) core->is_event_sent = false;
}

/* ---- Acknowledged; each returns its ACK code ---- */

static uint8_t take_enable(omp_core *core, const omp_frame *frame) {
  if (frame->length != ENABLE_BYTES) return OMP_ACK_MALFORMED;
  const uint16_t lease_ms = omp_get_u16(frame->payload + 2);
  if (frame->payload[0] != all_joints(core)) return OMP_ACK_RANGE;
  if (lease_ms < OMP_MIN_LEASE_MS || lease_ms > OMP_MAX_LEASE_MS) return OMP_ACK_RANGE;
  if (omp_get_u32(frame->payload + 4) != core->limits_crc) return OMP_ACK_SCHEMA;
  if (core->mode == OMP_MODE_FAULT) return OMP_ACK_MODE;
  if (core->mode == OMP_MODE_IDLE) {
    if (omp_path_is_moving(&core->path) || omp_supervisor_is_blind(&core->supervisor)) return OMP_ACK_MODE;
    omp_modes_enable(core);
  }
  core->lease_ms = lease_ms;
  omp_modes_renew_lease(core);
  return OMP_ACK_OK;
}

static uint8_t take_disable(omp_core *core, const omp_frame *frame) {
  if (frame->length != 0) return OMP_ACK_MALFORMED;
  if (core->mode == OMP_MODE_FAULT) return OMP_ACK_MODE;
  if (core->mode != OMP_MODE_IDLE) omp_modes_stop(core, OMP_MODE_IDLE);
  return OMP_ACK_OK;
}

static uint8_t take_hold(omp_core *core, const omp_frame *frame) {
  if (frame->length != 0) return OMP_ACK_MALFORMED;
  if (!omp_modes_is_armed(core)) return OMP_ACK_MODE;
  omp_modes_stop(core, OMP_MODE_HOLD);
  return OMP_ACK_OK;
}

static void tell_limit(omp_core *core) {
  const omp_refusal *refusal = &core->path.refusal;
  const omp_event event = {.code = OMP_EVENT_LIMIT,
                           .joint = refusal->joint,
                           .tick = core->path.tick,
                           .value = refusal->value,
                           .detail = refusal->is_velocity ? 1 : 0};
  omp_events_push(&core->events, event);
}

static uint8_t commit(omp_core *core) {
  const uint8_t code = omp_path_commit(&core->path, OMP_MIN_LEAD, OMP_MAX_LEAD);
  if (code == OMP_ACK_LIMIT) tell_limit(core);
  if (code != OMP_ACK_OK) {
    core->counters.chunks_refused++;
    return code;
  }
  core->counters.chunks_committed++;
  omp_modes_run(core, &core->path.staged);
  return code;
}

static uint8_t stage_or_commit(omp_core *core, const omp_frame *frame) {
  if (frame->length < TRAJ_HEADER_BYTES) return OMP_ACK_MALFORMED;
  const omp_part part = {
      .chunk_id = omp_get_u16(frame->payload),
      .part_index = frame->payload[2],
      .part_count = frame->payload[3],
      .t0 = omp_get_u32(frame->payload + 4),
      .dt = omp_get_u16(frame->payload + 8),
      .count = frame->payload[10],
  };
  if (frame->length != TRAJ_HEADER_BYTES + 4u * part.count * core->config.joint_count) return OMP_ACK_MALFORMED;
  if (!omp_modes_is_armed(core)) return OMP_ACK_MODE;
  if (frame->payload[11] != all_joints(core)) return OMP_ACK_RANGE;
  const uint8_t code = omp_path_stage(&core->path, &part, frame->payload + TRAJ_HEADER_BYTES);
  return code == OMP_ACK_OK && omp_path_is_complete(&core->path) ? commit(core) : code;
}

static uint8_t take_traj(omp_core *core, const omp_frame *frame) {
  const uint8_t code = stage_or_commit(core, frame);
  if (code == OMP_ACK_OK) {
    omp_modes_renew_lease(core);
  } else {
    omp_path_unstage(&core->path);
  }
  return code;
}

static uint8_t take_clear_fault(omp_core *core, const omp_frame *frame) {
  if (frame->length != 4) return OMP_ACK_MALFORMED;
  if (core->mode != OMP_MODE_FAULT) return OMP_ACK_MODE;
  if (frame->payload[0] != core->fault || omp_get_u16(frame->payload + 2) != core->fault_nonce) return OMP_ACK_MISMATCH;
  omp_modes_clear_fault(core);
  return OMP_ACK_OK;
}

static uint8_t take_subscribe(omp_core *core, const omp_frame *frame) {
  if (frame->length != 4) return OMP_ACK_MALFORMED;
  core->state_period = omp_get_u16(frame->payload);
  core->state_tick = core->path.tick;
  return OMP_ACK_OK;
}

static uint8_t take_param_set(omp_core *core, const omp_frame *frame) {
  if (frame->length != PARAM_SET_BYTES) return OMP_ACK_MALFORMED;
  if (!omp_modes_is_parked(core)) return OMP_ACK_MODE;
  const uint8_t param = frame->payload[0];
  const uint8_t joint = frame->payload[1];
  const uint32_t value = omp_get_u32(frame->payload + 4);
  uint32_t present;
  if (!omp_params_get(&core->params, param, joint, &present)) return OMP_ACK_RANGE;
  /* Flash wears out. */
  if (present == value) return OMP_ACK_OK;
  if (!omp_params_set(&core->params, param, joint, value)) return OMP_ACK_RANGE;
  core->limits_crc = omp_report_limits_crc(core);
  core->has_unstored_params = true;
  return OMP_ACK_OK;
}

/* Answered by PARAM; by an ACK only when there is nothing to answer. */
static void take_param_get(omp_core *core, const omp_frame *frame) {
  uint32_t value;
  if (frame->length != PARAM_GET_BYTES) {
    omp_report_ack(core, frame, OMP_ACK_MALFORMED, 0);
  } else if (!omp_params_get(&core->params, frame->payload[0], frame->payload[1], &value)) {
    omp_report_ack(core, frame, OMP_ACK_RANGE, 0);
  } else {
    omp_report_param(core, frame->payload[0], frame->payload[1], value);
  }
}

static void take_acknowledged(omp_core *core, const omp_frame *frame) {
  uint8_t code = OMP_ACK_UNKNOWN;
  uint16_t chunk_id = 0;
  switch (frame->type) {
    case OMP_ENABLE: code = take_enable(core, frame); break;
    case OMP_DISABLE: code = take_disable(core, frame); break;
    case OMP_TRAJ:
      code = take_traj(core, frame);
      if (frame->length >= 2) chunk_id = omp_get_u16(frame->payload);
      break;
    case OMP_HOLD: code = take_hold(core, frame); break;
    case OMP_CLEAR_FAULT: code = take_clear_fault(core, frame); break;
    case OMP_SUBSCRIBE: code = take_subscribe(core, frame); break;
    case OMP_PARAM_SET: code = take_param_set(core, frame); break;
    default: break;
  }
  omp_report_ack(core, frame, code, chunk_id);
}

/* ---- Dispatch ---- */

static void take_in_session(omp_core *core, const omp_frame *frame) {
  switch (frame->type) {
    case OMP_DESCRIBE: take_describe(core, frame); break;
    case OMP_SYNC: take_sync(core, frame); break;
    case OMP_HEARTBEAT:
      if (frame->length == 0 && omp_modes_is_armed(core)) omp_modes_renew_lease(core);
      break;
    case OMP_PARAM_GET: take_param_get(core, frame); break;
    case OMP_EVENT_ACK: take_event_ack(core, frame); break;
    default: take_acknowledged(core, frame); break;
  }
}

void omp_requests_take(omp_core *core, const omp_frame *frame) {
  if (frame->type == OMP_ESTOP) {
    if (frame->length == 0) omp_core_estop(core);
    return;
  }
  if (frame->type == OMP_HELLO) {
    take_hello(core, frame);
    return;
  }
  /* The seed of an absent session is guessable. */
  if (core->session_id == 0) return;
  const uint8_t ahead = (uint8_t)(frame->seq - core->rx_seq);
  if (ahead < 1 || ahead > 127) {
    core->counters.replayed++;
    return;
  }
  core->rx_seq = frame->seq;
  take_in_session(core, frame);
}
