#include "omp_core.h"

#include "omp_modes.h"
#include "omp_report.h"
#include "omp_requests.h"

/* A core without joints takes nothing and drives nothing. */
static omp_config_verdict refuse(omp_core *core, omp_table_error error, uint8_t joint) {
  *core = (omp_core){0};
  return (omp_config_verdict){error, joint};
}

/* The stored block, unless there is none. */
static void load_params(omp_core *core) {
  const omp_config *config = &core->config;
  if (config->stored == NULL) return;
  if (omp_params_load(&core->params, core->schema_hash, config->stored, config->stored_bytes)) return;
  omp_modes_latch(core, (omp_finding){OMP_FAULT_CONFIG, OMP_NO_JOINT, (int32_t)config->stored_bytes});
}

omp_config_verdict omp_core_init(omp_core *core, const omp_config *config) {
  uint8_t joint = 0;
  *core = (omp_core){.config = *config};
  const omp_table_error error = omp_joint_table_check(config->joints, config->joint_count, OMP_TICK_HZ, &joint);
  if (error != OMP_TABLE_OK) return refuse(core, error, joint);
  if (!omp_params_init(&core->params, config->joints, config->joint_count, config->abilities, &joint)) {
    return refuse(core, OMP_TABLE_DEFAULTS, joint);
  }
  core->schema_hash = omp_report_schema_hash(core);
  omp_path_init(&core->path, config->joints, config->joint_count, OMP_TICK_HZ);
  omp_supervisor_init(&core->supervisor, config->joints, config->joint_count);
  const omp_event reset = {.code = OMP_EVENT_RESET, .joint = OMP_NO_JOINT, .value = config->identity.reset_cause};
  omp_events_push(&core->events, reset);
  load_params(core);
  core->limits_crc = omp_report_limits_crc(core);
  return (omp_config_verdict){OMP_TABLE_OK, 0};
}

void omp_core_estop(omp_core *core) {
  if (core->config.joint_count == 0) return;
  omp_modes_latch(core, (omp_finding){OMP_FAULT_ESTOP, OMP_NO_JOINT, 0});
}

void omp_core_tick(omp_core *core, const omp_measurement *measurement) {
  if (core->config.joint_count == 0) return;
  core->sub_us = 0;
  omp_supervisor_measure(&core->supervisor, measurement);
  if (!core->has_command && !omp_supervisor_is_blind(&core->supervisor)) {
    omp_path_rest_at(&core->path, core->supervisor.position);
    core->has_command = true;
  }
  omp_modes_tick(core, omp_path_advance(&core->path));
  omp_report_event(core);
  if (core->state_period > 0 && core->path.tick - core->state_tick >= core->state_period) {
    core->state_tick = core->path.tick;
    omp_report_state(core);
  }
}

void omp_core_receive(omp_core *core, const uint8_t *bytes, size_t count, uint16_t sub_us) {
  if (core->config.joint_count == 0) return;
  core->sub_us = sub_us;
  omp_frame frame;
  for (size_t i = 0; i < count; i++) {
    if (omp_frame_push(&core->decoder, bytes[i], omp_report_seed, core, &frame)) omp_requests_take(core, &frame);
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

size_t omp_core_store(omp_core *core, uint8_t *bytes) {
  if (!core->has_unstored_params || !omp_modes_is_parked(core)) return 0;
  core->has_unstored_params = false;
  return omp_params_save(&core->params, core->schema_hash, bytes);
}
