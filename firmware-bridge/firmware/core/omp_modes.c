#include "omp_modes.h"

bool omp_modes_is_armed(const omp_core *core) { return core->mode == OMP_MODE_HOLD || core->mode == OMP_MODE_RUN; }

bool omp_modes_is_parked(const omp_core *core) { return core->mode == OMP_MODE_IDLE && !omp_path_is_moving(&core->path); }

static void observe(omp_core *core, const omp_path_event *event) {
  if (core->config.observer != NULL) core->config.observer(core->config.observer_context, event);
}

static void tell(omp_core *core, uint8_t code, uint8_t detail, uint8_t joint, int32_t value) {
  const omp_event event = {.code = code, .joint = joint, .tick = core->path.tick, .value = value, .detail = detail};
  omp_events_push(&core->events, event);
}

void omp_modes_stop(omp_core *core, uint8_t mode) {
  core->mode = mode;
  const omp_path_event event = {.kind = OMP_PATH_BRAKE, .tick = core->path.tick};
  observe(core, &event);
  omp_path_stop(&core->path);
}

void omp_modes_enable(omp_core *core) {
  omp_path_rest_at(&core->path, core->supervisor.position);
  omp_supervisor_enable(&core->supervisor);
  for (uint8_t j = 0; j < core->config.joint_count; j++) core->drive[j] = OMP_ACTION_HOLD;
  core->mode = OMP_MODE_HOLD;
  const omp_path_event event = {.kind = OMP_PATH_ENABLE,
                                .tick = core->path.tick,
                                .count = 1,
                                .rows = (const int32_t(*)[OMP_MAX_JOINTS])&core->path.command};
  observe(core, &event);
}

void omp_modes_run(omp_core *core, const omp_chunk *chunk) {
  core->mode = OMP_MODE_RUN;
  core->chunk_id = chunk->id;
  const omp_path_event event = {.kind = OMP_PATH_COMMIT,
                                .tick = core->path.tick,
                                .t0 = chunk->t0,
                                .dt = chunk->dt,
                                .count = chunk->count,
                                .rows = (const int32_t(*)[OMP_MAX_JOINTS])chunk->positions};
  observe(core, &event);
}

void omp_modes_latch(omp_core *core, omp_finding finding) {
  if (core->mode == OMP_MODE_FAULT) return;
  core->fault = finding.code;
  core->fault_nonce++;
  tell(core, OMP_EVENT_FAULT, finding.code, finding.joint, finding.value);
  for (uint8_t j = 0; j < core->config.joint_count; j++) core->drive[j] = core->params.joints[j].fail_action;
  omp_modes_stop(core, OMP_MODE_FAULT);
}

void omp_modes_clear_fault(omp_core *core) {
  tell(core, OMP_EVENT_FAULT_CLEARED, core->fault, OMP_NO_JOINT, core->fault_nonce);
  /* Whoever clears it has seen that the joint table's values are in effect. */
  if (core->fault == OMP_FAULT_CONFIG) core->has_unstored_params = true;
  core->mode = OMP_MODE_IDLE;
  core->fault = OMP_FAULT_NONE;
}

void omp_modes_renew_lease(omp_core *core) { core->lease_left_ticks = (uint32_t)core->lease_ms * OMP_TICK_HZ / 1000u; }

/* The ring ran out. At rest that is the end of a motion; in motion somebody did not deliver in time. */
static void run_out(omp_core *core) {
  core->ran_out = true;
  core->mode = OMP_MODE_HOLD;
  if (!omp_path_is_moving(&core->path)) return;
  tell(core, OMP_EVENT_RAN_OUT, 0, OMP_NO_JOINT, core->chunk_id);
  if (core->params.underrun == OMP_UNDERRUN_FAULTS) {
    omp_modes_latch(core, (omp_finding){OMP_FAULT_UNDERRUN, OMP_NO_JOINT, core->chunk_id});
  }
}

void omp_modes_tick(omp_core *core, bool ran_out) {
  if (ran_out) run_out(core);
  if (!omp_modes_is_armed(core)) return;
  const omp_finding finding = omp_supervisor_check(&core->supervisor, &core->params, core->path.command);
  if (finding.code != OMP_FAULT_NONE) omp_modes_latch(core, finding);
  if (core->lease_left_ticks > 0) core->lease_left_ticks--;
  if (core->lease_left_ticks == 0) omp_modes_latch(core, (omp_finding){OMP_FAULT_LEASE, OMP_NO_JOINT, core->lease_ms});
}
