#include "omp_core.h"

#include "omp_bytes.h"
#include "omp_crc32.h"

enum {
  HELLO_BYTES = 12,
  ENABLE_BYTES = 8,
  TRAJ_HEADER_BYTES = 12,
  IDENT_BYTES = 48,
  DESCRIPTION_BYTES = 44,
  SYNC_REPLY_BYTES = 16,
  ACK_BYTES = 8,
  STATE_HEADER_BYTES = 20,
  STATE_JOINT_BYTES = 12,
  /* STATE leaves this much room for answers, which matter more. */
  ANSWER_RESERVE_BYTES = 512,
};

static uint8_t all_joints(const omp_core *core) { return (uint8_t)((1u << core->joint_count) - 1u); }

static bool is_armed(const omp_core *core) { return core->mode == OMP_MODE_HOLD || core->mode == OMP_MODE_RUN; }

/* ---- Sending ---- */

static bool is_sessionless(uint8_t type) { return type == OMP_HELLO || type == OMP_IDENT || type == OMP_ESTOP; }

static uint32_t seed_of(const void *context, uint8_t type) {
  const omp_core *core = context;
  return is_sessionless(type) ? 0 : core->schema_hash ^ core->session_id;
}

static void send(omp_core *core, uint8_t type, const uint8_t *payload, size_t length, size_t reserve) {
  uint8_t wire[OMP_MAX_WIRE];
  const size_t count = omp_frame_encode(wire, type, core->tx_seq, payload, length, seed_of(core, type));
  if (core->transmit_count + count + reserve > OMP_TRANSMIT_BYTES) {
    core->counters.transmit_dropped++;
    return;
  }
  core->tx_seq++;
  for (size_t i = 0; i < count; i++) {
    core->transmit[(core->transmit_head + core->transmit_count + i) % OMP_TRANSMIT_BYTES] = wire[i];
  }
  core->transmit_count += count;
}

static void send_ack(omp_core *core, const omp_frame *frame, uint8_t code, uint16_t chunk_id) {
  uint8_t payload[ACK_BYTES];
  payload[0] = frame->seq;
  payload[1] = frame->type;
  payload[2] = code;
  payload[3] = core->mode;
  omp_put_u16(payload + 4, (uint16_t)(OMP_RING_DEPTH - core->path.count));
  omp_put_u16(payload + 6, chunk_id);
  send(core, OMP_ACK, payload, sizeof payload, 0);
}

static void send_ident(omp_core *core) {
  uint8_t payload[IDENT_BYTES] = {0};
  payload[0] = OMP_PROTOCOL_MAJOR;
  payload[1] = OMP_PROTOCOL_MINOR;
  payload[2] = core->joint_count;
  payload[3] = core->identity.reset_cause;
  omp_put_u16(payload + 4, OMP_TICK_HZ);
  omp_put_u16(payload + 6, OMP_RING_DEPTH);
  omp_put_u32(payload + 8, OMP_FIRMWARE_VERSION);
  omp_put_u32(payload + 12, core->schema_hash);
  omp_put_u32(payload + 16, core->limits_crc);
  omp_put_u32(payload + 20, core->identity.boot_id);
  omp_put_u32(payload + 24, core->session_id);
  for (size_t i = 0; i < 3; i++) omp_put_u32(payload + 28 + 4 * i, core->identity.uid[i]);
  omp_put_u16(payload + 40, OMP_MIN_LEAD);
  omp_put_u16(payload + 42, OMP_MAX_LEAD);
  send(core, OMP_IDENT, payload, sizeof payload, 0);
}

static void put_description(const omp_core *core, uint8_t index, uint8_t *payload) {
  const omp_joint *joint = &core->joints[index];
  payload[0] = index;
  payload[1] = joint->kind;
  payload[2] = 0;
  payload[3] = 0;
  omp_put_i32(payload + 4, joint->min_position);
  omp_put_i32(payload + 8, joint->max_position);
  omp_put_u32(payload + 12, joint->max_velocity);
  omp_put_u32(payload + 16, joint->max_acceleration);
  omp_put_u32(payload + 20, joint->max_effort);
  omp_put_u32(payload + 24, joint->following_error);
  for (size_t i = 0; i < OMP_JOINT_NAME; i++) payload[28 + i] = (uint8_t)joint->name[i];
}

static int16_t saturate(int64_t value) {
  if (value > INT16_MAX) return INT16_MAX;
  return value < INT16_MIN ? INT16_MIN : (int16_t)value;
}

static void send_state(omp_core *core) {
  uint8_t payload[STATE_HEADER_BYTES + STATE_JOINT_BYTES * OMP_MAX_JOINTS];
  uint16_t flags = core->path.brake.is_active ? OMP_FLAG_BRAKING : 0;
  if (core->ran_out) flags |= OMP_FLAG_RAN_OUT;
  core->ran_out = false;
  omp_put_u32(payload, core->path.tick);
  omp_put_u16(payload + 4, core->sub_us);
  payload[6] = core->rx_seq;
  payload[7] = core->mode;
  payload[8] = core->fault;
  payload[9] = core->joint_count;
  omp_put_u16(payload + 10, core->fault_nonce);
  omp_put_u16(payload + 12, core->path.count);
  omp_put_u16(payload + 14, flags);
  omp_put_u16(payload + 16, (uint16_t)(core->lease_left_ticks * 1000u / OMP_TICK_HZ));
  omp_put_u16(payload + 18, core->chunk_id);
  for (uint8_t j = 0; j < core->joint_count; j++) {
    uint8_t *joint = payload + STATE_HEADER_BYTES + STATE_JOINT_BYTES * j;
    const int64_t moved = (int64_t)core->measured[j] - core->previous[j];
    omp_put_i32(joint, core->measured[j]);
    omp_put_i32(joint + 4, core->path.command[j]);
    omp_put_u16(joint + 8, (uint16_t)saturate(moved * OMP_TICK_HZ / 1000));
    omp_put_u16(joint + 10, 0);
  }
  const size_t length = STATE_HEADER_BYTES + (size_t)STATE_JOINT_BYTES * core->joint_count;
  send(core, OMP_STATE, payload, length, ANSWER_RESERVE_BYTES);
}

/* ---- Motion ---- */

static void observe(omp_core *core, const omp_event *event) {
  if (core->observer != NULL) core->observer(core->observer_context, event);
}

/* Drops every waypoint and comes to rest in `mode`. */
static void stop_in(omp_core *core, uint8_t mode) {
  core->mode = mode;
  const omp_event event = {.kind = OMP_EVENT_BRAKE, .tick = core->path.tick};
  observe(core, &event);
  omp_path_stop(&core->path);
}

static void latch(omp_core *core, uint8_t fault) {
  if (core->mode == OMP_MODE_FAULT) return;
  core->fault = fault;
  core->fault_nonce++;
  stop_in(core, OMP_MODE_FAULT);
}

void omp_core_estop(omp_core *core) { latch(core, OMP_FAULT_ESTOP); }

static void renew_lease(omp_core *core) { core->lease_left_ticks = (uint32_t)core->lease_ms * OMP_TICK_HZ / 1000u; }

/* ---- Host messages; each returns its ACK code ---- */

static void take_hello(omp_core *core, const omp_frame *frame) {
  if (frame->length != HELLO_BYTES) return;
  const uint32_t session_id = omp_get_u32(frame->payload + 4);
  if (frame->payload[0] == OMP_PROTOCOL_MAJOR && session_id != 0 && session_id != core->session_id) {
    core->session_id = session_id;
    core->rx_seq = frame->seq;
    core->tx_seq = 0;
    core->state_period = 0;
    if (is_armed(core)) stop_in(core, OMP_MODE_IDLE);
    omp_path_unstage(&core->path);
  }
  send_ident(core);
}

static void take_describe(omp_core *core, const omp_frame *frame) {
  if (frame->length != 1 || frame->payload[0] >= core->joint_count) return;
  uint8_t payload[DESCRIPTION_BYTES];
  put_description(core, frame->payload[0], payload);
  send(core, OMP_DESCRIPTION, payload, sizeof payload, 0);
}

static void take_sync(omp_core *core, const omp_frame *frame) {
  if (frame->length != 4) return;
  uint8_t payload[SYNC_REPLY_BYTES];
  omp_put_u32(payload, omp_get_u32(frame->payload));
  omp_put_u32(payload + 4, core->path.tick);
  omp_put_u16(payload + 8, core->sub_us);
  omp_put_u16(payload + 10, core->sub_us);
  omp_put_u32(payload + 12, core->path.tick);
  send(core, OMP_SYNC_REPLY, payload, sizeof payload, 0);
}

/* Whether a joint has given no measurement for so long that nobody knows where it is. */
static bool is_blind(const omp_core *core) {
  for (uint8_t j = 0; j < core->joint_count; j++) {
    if (core->silent_ticks[j] >= OMP_FAULT_TICKS) return true;
  }
  return false;
}

static uint8_t take_enable(omp_core *core, const omp_frame *frame) {
  if (frame->length != ENABLE_BYTES) return OMP_ACK_MALFORMED;
  const uint16_t lease_ms = omp_get_u16(frame->payload + 2);
  if (frame->payload[0] != all_joints(core)) return OMP_ACK_RANGE;
  if (lease_ms < OMP_MIN_LEASE_MS || lease_ms > OMP_MAX_LEASE_MS) return OMP_ACK_RANGE;
  if (omp_get_u32(frame->payload + 4) != core->limits_crc) return OMP_ACK_SCHEMA;
  if (core->mode == OMP_MODE_FAULT) return OMP_ACK_MODE;
  if (core->mode == OMP_MODE_IDLE) {
    if (omp_path_is_moving(&core->path) || is_blind(core)) return OMP_ACK_MODE;
    omp_path_rest_at(&core->path, core->measured);
    core->mode = OMP_MODE_HOLD;
    for (uint8_t j = 0; j < core->joint_count; j++) core->following_ticks[j] = 0;
    const omp_event event = {.kind = OMP_EVENT_ENABLE,
                             .tick = core->path.tick,
                             .count = 1,
                             .rows = (const int32_t(*)[OMP_MAX_JOINTS])&core->path.command};
    observe(core, &event);
  }
  core->lease_ms = lease_ms;
  renew_lease(core);
  return OMP_ACK_OK;
}

static uint8_t take_disable(omp_core *core, const omp_frame *frame) {
  if (frame->length != 0) return OMP_ACK_MALFORMED;
  if (core->mode == OMP_MODE_FAULT) return OMP_ACK_MODE;
  if (core->mode != OMP_MODE_IDLE) stop_in(core, OMP_MODE_IDLE);
  return OMP_ACK_OK;
}

static uint8_t take_hold(omp_core *core, const omp_frame *frame) {
  if (frame->length != 0) return OMP_ACK_MALFORMED;
  if (!is_armed(core)) return OMP_ACK_MODE;
  stop_in(core, OMP_MODE_HOLD);
  return OMP_ACK_OK;
}

static uint8_t commit(omp_core *core) {
  const omp_chunk *chunk = &core->path.staged;
  const uint8_t code = omp_path_commit(&core->path, OMP_MIN_LEAD, OMP_MAX_LEAD);
  if (code != OMP_ACK_OK) {
    core->counters.chunks_refused++;
    return code;
  }
  core->counters.chunks_committed++;
  core->mode = OMP_MODE_RUN;
  core->chunk_id = chunk->id;
  const omp_event event = {.kind = OMP_EVENT_COMMIT,
                           .tick = core->path.tick,
                           .t0 = chunk->t0,
                           .dt = chunk->dt,
                           .count = chunk->count,
                           .rows = (const int32_t(*)[OMP_MAX_JOINTS])chunk->positions};
  observe(core, &event);
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
  if (frame->length != TRAJ_HEADER_BYTES + 4u * part.count * core->joint_count) return OMP_ACK_MALFORMED;
  if (!is_armed(core)) return OMP_ACK_MODE;
  if (frame->payload[11] != all_joints(core)) return OMP_ACK_RANGE;
  const uint8_t code = omp_path_stage(&core->path, &part, frame->payload + TRAJ_HEADER_BYTES);
  return code == OMP_ACK_OK && omp_path_is_complete(&core->path) ? commit(core) : code;
}

static uint8_t take_traj(omp_core *core, const omp_frame *frame) {
  const uint8_t code = stage_or_commit(core, frame);
  if (code == OMP_ACK_OK) {
    renew_lease(core);
  } else {
    omp_path_unstage(&core->path);
  }
  return code;
}

static uint8_t take_clear_fault(omp_core *core, const omp_frame *frame) {
  if (frame->length != 4) return OMP_ACK_MALFORMED;
  if (core->mode != OMP_MODE_FAULT) return OMP_ACK_MODE;
  if (frame->payload[0] != core->fault || omp_get_u16(frame->payload + 2) != core->fault_nonce) return OMP_ACK_MISMATCH;
  core->mode = OMP_MODE_IDLE;
  core->fault = OMP_FAULT_NONE;
  return OMP_ACK_OK;
}

static uint8_t take_subscribe(omp_core *core, const omp_frame *frame) {
  if (frame->length != 4) return OMP_ACK_MALFORMED;
  core->state_period = omp_get_u16(frame->payload);
  core->state_tick = core->path.tick;
  return OMP_ACK_OK;
}

static void take_acked(omp_core *core, const omp_frame *frame) {
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
    default: break;
  }
  send_ack(core, frame, code, chunk_id);
}

static void take_frame(omp_core *core, const omp_frame *frame) {
  if (frame->type == OMP_ESTOP) {
    if (frame->length == 0) latch(core, OMP_FAULT_ESTOP);
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
  switch (frame->type) {
    case OMP_DESCRIBE: take_describe(core, frame); break;
    case OMP_SYNC: take_sync(core, frame); break;
    case OMP_HEARTBEAT:
      if (frame->length == 0 && is_armed(core)) renew_lease(core);
      break;
    default: take_acked(core, frame); break;
  }
}

/* ---- The port's calls ---- */

static size_t name_length(const omp_joint *joint) {
  size_t length = 0;
  while (length < OMP_JOINT_NAME && joint->name[length] != '\0') length++;
  return length;
}

static uint32_t crc_of_text(uint32_t crc, const char *text, size_t length) {
  return omp_crc32(crc, (const uint8_t *)text, length);
}

static uint32_t schema_hash(const omp_core *core) {
  uint32_t hash = crc_of_text(0, "omp-link 1\n", 11);
  for (uint8_t j = 0; j < core->joint_count; j++) {
    const omp_joint *joint = &core->joints[j];
    hash = crc_of_text(hash, joint->name, name_length(joint));
    hash = joint->kind == 0 ? crc_of_text(hash, ":revolute\n", 10) : crc_of_text(hash, ":prismatic\n", 11);
  }
  return hash;
}

static uint32_t limits_crc(const omp_core *core) {
  uint32_t crc = 0;
  for (uint8_t j = 0; j < core->joint_count; j++) {
    uint8_t payload[DESCRIPTION_BYTES];
    put_description(core, j, payload);
    crc = omp_crc32(crc, payload, sizeof payload);
  }
  return crc;
}

void omp_core_init(omp_core *core, const omp_joint *joints, uint8_t joint_count, const omp_identity *identity,
                   omp_observer observer, void *observer_context) {
  *core = (omp_core){0};
  core->joints = joints;
  core->joint_count = joint_count;
  core->identity = *identity;
  core->observer = observer;
  core->observer_context = observer_context;
  core->schema_hash = schema_hash(core);
  core->limits_crc = limits_crc(core);
  for (uint8_t j = 0; j < joint_count; j++) core->silent_ticks[j] = OMP_FAULT_TICKS;
  omp_path_init(&core->path, joints, joint_count, OMP_TICK_HZ);
}

static bool is_off_course(const omp_core *core, uint8_t j) {
  const uint32_t allowed = core->joints[j].following_error;
  const int64_t error = (int64_t)core->path.command[j] - core->measured[j];
  return allowed > 0 && (error < 0 ? -error : error) > allowed;
}

static void supervise(omp_core *core) {
  if (!is_armed(core)) return;
  for (uint8_t j = 0; j < core->joint_count; j++) {
    core->following_ticks[j] = is_off_course(core, j) ? (uint16_t)(core->following_ticks[j] + 1) : 0;
    if (core->following_ticks[j] >= OMP_FAULT_TICKS) latch(core, OMP_FAULT_FOLLOWING_ERROR);
  }
  if (is_blind(core)) latch(core, OMP_FAULT_BUS);
  if (core->lease_left_ticks > 0) core->lease_left_ticks--;
  if (core->lease_left_ticks == 0) latch(core, OMP_FAULT_LEASE);
}

void omp_core_tick(omp_core *core, const int32_t *measured, uint32_t valid_mask) {
  core->sub_us = 0;
  for (uint8_t j = 0; j < core->joint_count; j++) {
    if ((valid_mask >> j & 1u) == 0) {
      if (core->silent_ticks[j] < OMP_FAULT_TICKS) core->silent_ticks[j]++;
      continue;
    }
    core->silent_ticks[j] = 0;
    core->previous[j] = core->measured[j];
    core->measured[j] = measured[j];
  }
  if (!core->has_command && !is_blind(core)) {
    omp_path_rest_at(&core->path, core->measured);
    core->has_command = true;
  }
  if (omp_path_advance(&core->path)) {
    core->ran_out = true;
    core->mode = OMP_MODE_HOLD;
  }
  supervise(core);
  if (core->state_period > 0 && core->path.tick - core->state_tick >= core->state_period) {
    core->state_tick = core->path.tick;
    send_state(core);
  }
}

void omp_core_receive(omp_core *core, const uint8_t *bytes, size_t count, uint16_t sub_us) {
  core->sub_us = sub_us;
  omp_frame frame;
  for (size_t i = 0; i < count; i++) {
    if (omp_frame_push(&core->decoder, bytes[i], seed_of, core, &frame)) take_frame(core, &frame);
  }
}

void omp_core_reopen(omp_core *core) {
  core->decoder.count = 0;
  core->decoder.is_oversized = false;
  core->transmit_count = 0;
}

size_t omp_core_transmit(omp_core *core, uint8_t *bytes, size_t capacity) {
  const size_t count = core->transmit_count < capacity ? core->transmit_count : capacity;
  for (size_t i = 0; i < count; i++) {
    bytes[i] = core->transmit[(core->transmit_head + i) % OMP_TRANSMIT_BYTES];
  }
  core->transmit_head = (core->transmit_head + count) % OMP_TRANSMIT_BYTES;
  core->transmit_count -= count;
  return count;
}
