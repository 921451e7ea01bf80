#include "omp_report.h"

#include "omp_bytes.h"
#include "omp_crc32.h"

enum {
  IDENT_BYTES = 48,
  DESCRIPTION_BYTES = 44,
  SYNC_REPLY_BYTES = 16,
  ACK_BYTES = 8,
  PARAM_BYTES = 16,
  EVENT_BYTES = 16,
  STATE_HEADER_BYTES = 20,
  STATE_JOINT_BYTES = 12,
  /* STATE and EVENT, which come again, leave this much room for answers, which do not. */
  ANSWER_RESERVE_BYTES = 512,
};

static bool is_sessionless(uint8_t type) { return type == OMP_HELLO || type == OMP_IDENT || type == OMP_ESTOP; }

uint32_t omp_report_seed(const void *context, uint8_t type) {
  const omp_core *core = context;
  return is_sessionless(type) ? 0 : core->schema_hash ^ core->session_id;
}

static bool send(omp_core *core, uint8_t type, const uint8_t *payload, size_t length, size_t reserve) {
  uint8_t wire[OMP_MAX_WIRE];
  const size_t count = omp_frame_encode(wire, type, core->tx_seq, payload, length, omp_report_seed(core, type));
  if (core->transmit_count + count + reserve > OMP_TRANSMIT_BYTES) {
    core->counters.transmit_dropped++;
    return false;
  }
  core->tx_seq++;
  for (size_t i = 0; i < count; i++) {
    core->transmit[(core->transmit_head + core->transmit_count + i) % OMP_TRANSMIT_BYTES] = wire[i];
  }
  core->transmit_count += count;
  return true;
}

static int16_t saturate(int64_t value) {
  if (value > INT16_MAX) return INT16_MAX;
  return value < INT16_MIN ? INT16_MIN : (int16_t)value;
}

void omp_report_ack(omp_core *core, const omp_frame *frame, uint8_t code, uint16_t chunk_id) {
  uint8_t payload[ACK_BYTES];
  payload[0] = frame->seq;
  payload[1] = frame->type;
  payload[2] = code;
  payload[3] = core->mode;
  omp_put_u16(payload + 4, (uint16_t)(OMP_RING_DEPTH - core->path.count));
  omp_put_u16(payload + 6, chunk_id);
  (void)send(core, OMP_ACK, payload, sizeof payload, 0);
}

void omp_report_ident(omp_core *core) {
  const omp_identity *identity = &core->config.identity;
  uint8_t payload[IDENT_BYTES] = {0};
  payload[0] = OMP_PROTOCOL_MAJOR;
  payload[1] = OMP_PROTOCOL_MINOR;
  payload[2] = core->config.joint_count;
  payload[3] = identity->reset_cause;
  omp_put_u16(payload + 4, OMP_TICK_HZ);
  omp_put_u16(payload + 6, OMP_RING_DEPTH);
  omp_put_u32(payload + 8, OMP_FIRMWARE_VERSION);
  omp_put_u32(payload + 12, core->schema_hash);
  omp_put_u32(payload + 16, core->limits_crc);
  omp_put_u32(payload + 20, identity->boot_id);
  omp_put_u32(payload + 24, core->session_id);
  for (size_t i = 0; i < 3; i++) omp_put_u32(payload + 28 + 4 * i, identity->uid[i]);
  omp_put_u16(payload + 40, OMP_MIN_LEAD);
  omp_put_u16(payload + 42, OMP_MAX_LEAD);
  omp_put_u32(payload + 44, omp_params_crc(&core->params, core->schema_hash));
  (void)send(core, OMP_IDENT, payload, sizeof payload, 0);
}

static void put_description(const omp_core *core, uint8_t joint, uint8_t *payload) {
  const omp_joint *own = &core->config.joints[joint];
  const omp_joint_params *params = &core->params.joints[joint];
  payload[0] = joint;
  payload[1] = own->kind;
  payload[2] = params->fail_action;
  payload[3] = params->max_temperature;
  omp_put_i32(payload + 4, own->min_position);
  omp_put_i32(payload + 8, own->max_position);
  omp_put_u32(payload + 12, own->max_velocity);
  omp_put_u32(payload + 16, own->max_acceleration);
  omp_put_u32(payload + 20, params->max_effort);
  omp_put_u32(payload + 24, params->following_error);
  for (size_t i = 0; i < OMP_JOINT_NAME; i++) payload[28 + i] = (uint8_t)own->name[i];
}

void omp_report_description(omp_core *core, uint8_t joint) {
  uint8_t payload[DESCRIPTION_BYTES];
  put_description(core, joint, payload);
  (void)send(core, OMP_DESCRIPTION, payload, sizeof payload, 0);
}

void omp_report_sync(omp_core *core, uint32_t echo) {
  uint8_t payload[SYNC_REPLY_BYTES];
  omp_put_u32(payload, echo);
  omp_put_u32(payload + 4, core->path.tick);
  omp_put_u16(payload + 8, core->sub_us);
  omp_put_u16(payload + 10, core->sub_us);
  omp_put_u32(payload + 12, core->path.tick);
  (void)send(core, OMP_SYNC_REPLY, payload, sizeof payload, 0);
}

void omp_report_param(omp_core *core, uint8_t param, uint8_t joint, uint32_t value) {
  uint8_t payload[PARAM_BYTES] = {param, joint};
  omp_put_u32(payload + 4, value);
  omp_put_u32(payload + 8, omp_params_crc(&core->params, core->schema_hash));
  omp_put_u32(payload + 12, core->limits_crc);
  (void)send(core, OMP_PARAM, payload, sizeof payload, 0);
}

static uint16_t state_flags(const omp_core *core) {
  uint16_t flags = core->path.brake.is_active ? OMP_FLAG_BRAKING : 0;
  if (core->ran_out) flags |= OMP_FLAG_RAN_OUT;
  for (uint8_t j = 0; j < core->config.joint_count; j++) {
    if (core->drive[j] != OMP_ACTION_HOLD) flags |= (uint16_t)(1u << (OMP_FLAG_LIMP_SHIFT + j));
  }
  return flags;
}

void omp_report_state(omp_core *core) {
  const omp_supervisor *measured = &core->supervisor;
  uint8_t payload[STATE_HEADER_BYTES + STATE_JOINT_BYTES * OMP_MAX_JOINTS];
  omp_put_u32(payload, core->path.tick);
  omp_put_u16(payload + 4, core->sub_us);
  payload[6] = core->rx_seq;
  payload[7] = core->mode;
  payload[8] = core->fault;
  payload[9] = core->config.joint_count;
  omp_put_u16(payload + 10, core->fault_nonce);
  omp_put_u16(payload + 12, core->path.count);
  omp_put_u16(payload + 14, state_flags(core));
  omp_put_u16(payload + 16, (uint16_t)(core->lease_left_ticks * 1000u / OMP_TICK_HZ));
  omp_put_u16(payload + 18, core->chunk_id);
  for (uint8_t j = 0; j < core->config.joint_count; j++) {
    uint8_t *joint = payload + STATE_HEADER_BYTES + STATE_JOINT_BYTES * j;
    const int64_t moved = (int64_t)measured->position[j] - measured->previous[j];
    omp_put_i32(joint, measured->position[j]);
    omp_put_i32(joint + 4, core->path.command[j]);
    omp_put_u16(joint + 8, (uint16_t)saturate(moved * OMP_TICK_HZ / 1000));
    omp_put_u16(joint + 10, (uint16_t)saturate(measured->effort[j]));
  }
  const size_t length = STATE_HEADER_BYTES + (size_t)STATE_JOINT_BYTES * core->config.joint_count;
  if (send(core, OMP_STATE, payload, length, ANSWER_RESERVE_BYTES)) core->ran_out = false;
}

void omp_report_event(omp_core *core) {
  const omp_event *event = omp_events_oldest(&core->events);
  if (event == NULL || core->session_id == 0 || (core->features & OMP_FEATURE_EVENTS) == 0) return;
  if (core->is_event_sent && core->path.tick - core->event_tick < OMP_EVENT_RETRY_TICKS) return;
  uint8_t payload[EVENT_BYTES];
  omp_put_u16(payload, event->id);
  payload[2] = event->code;
  payload[3] = event->joint;
  omp_put_u32(payload + 4, event->tick);
  omp_put_i32(payload + 8, event->value);
  payload[12] = event->detail;
  payload[13] = 0;
  omp_put_u16(payload + 14, core->events.lost);
  if (!send(core, OMP_EVENT, payload, sizeof payload, ANSWER_RESERVE_BYTES)) return;
  core->is_event_sent = true;
  core->event_tick = core->path.tick;
}

static uint32_t crc_of_text(uint32_t crc, const char *text, size_t length) {
  return omp_crc32(crc, (const uint8_t *)text, length);
}

uint32_t omp_report_schema_hash(const omp_core *core) {
  uint32_t hash = crc_of_text(0, "omp-link 1\n", 11);
  for (uint8_t j = 0; j < core->config.joint_count; j++) {
    const omp_joint *joint = &core->config.joints[j];
    hash = crc_of_text(hash, joint->name, omp_joint_name_length(joint));
    hash = joint->kind == 0 ? crc_of_text(hash, ":revolute\n", 10) : crc_of_text(hash, ":prismatic\n", 11);
  }
  return hash;
}

uint32_t omp_report_limits_crc(const omp_core *core) {
  uint32_t crc = 0;
  for (uint8_t j = 0; j < core->config.joint_count; j++) {
    uint8_t payload[DESCRIPTION_BYTES];
    put_description(core, j, payload);
    crc = omp_crc32(crc, payload, sizeof payload);
  }
  return crc;
}
