#include "omp_supervisor.h"

#include "omp_codes.h"

static int32_t lower(int32_t a, int32_t b) { return a < b ? a : b; }

static int32_t higher(int32_t a, int32_t b) { return a > b ? a : b; }

static int64_t magnitude(int64_t value) { return value < 0 ? -value : value; }

static int32_t saturate(int64_t value) {
  if (value > INT32_MAX) return INT32_MAX;
  return value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

void omp_supervisor_init(omp_supervisor *supervisor, const omp_joint *joints, uint8_t joint_count) {
  *supervisor = (omp_supervisor){.joints = joints, .joint_count = joint_count};
  for (uint8_t j = 0; j < joint_count; j++) supervisor->ticks[j].silent = OMP_FAULT_TICKS;
}

void omp_supervisor_measure(omp_supervisor *supervisor, const omp_measurement *measurement) {
  supervisor->voltage = measurement->voltage;
  for (uint8_t j = 0; j < supervisor->joint_count; j++) {
    omp_joint_ticks *ticks = &supervisor->ticks[j];
    if ((measurement->valid_mask >> j & 1u) == 0) {
      if (ticks->silent < OMP_FAULT_TICKS) ticks->silent++;
      continue;
    }
    ticks->silent = 0;
    supervisor->previous[j] = supervisor->position[j];
    supervisor->position[j] = measurement->position[j];
    supervisor->effort[j] = measurement->effort[j];
    supervisor->temperature[j] = measurement->temperature[j];
  }
}

bool omp_supervisor_is_blind(const omp_supervisor *supervisor) {
  for (uint8_t j = 0; j < supervisor->joint_count; j++) {
    if (supervisor->ticks[j].silent >= OMP_FAULT_TICKS) return true;
  }
  return false;
}

void omp_supervisor_enable(omp_supervisor *supervisor) {
  supervisor->voltage_ticks = 0;
  for (uint8_t j = 0; j < supervisor->joint_count; j++) {
    const omp_joint *joint = &supervisor->joints[j];
    supervisor->ticks[j] = (omp_joint_ticks){.silent = supervisor->ticks[j].silent};
    supervisor->low[j] = lower(joint->min_position, supervisor->position[j]);
    supervisor->high[j] = higher(joint->max_position, supervisor->position[j]);
  }
}

/* Counts a condition; true once it has lasted. */
static bool lasts(uint16_t *ticks, bool is_so) {
  *ticks = is_so ? (uint16_t)(*ticks + 1) : 0;
  return *ticks >= OMP_FAULT_TICKS;
}

static bool is_out_of_range(omp_supervisor *supervisor, uint8_t j) {
  const omp_joint *joint = &supervisor->joints[j];
  const int32_t position = supervisor->position[j];
  supervisor->low[j] = higher(supervisor->low[j], lower(position, joint->min_position));
  supervisor->high[j] = lower(supervisor->high[j], higher(position, joint->max_position));
  const int64_t margin = ((int64_t)joint->max_position - joint->min_position) / OMP_RANGE_MARGIN;
  return position < supervisor->low[j] - margin || position > supervisor->high[j] + margin;
}

static omp_finding check_joint(omp_supervisor *supervisor, const omp_joint_params *limits, int32_t command, uint8_t j) {
  omp_joint_ticks *ticks = &supervisor->ticks[j];
  const int64_t error = (int64_t)command - supervisor->position[j];
  const int64_t effort = supervisor->effort[j];
  const int32_t temperature = supervisor->temperature[j];
  const bool is_astray = lasts(&ticks->position, is_out_of_range(supervisor, j));
  const bool is_off_course =
      lasts(&ticks->following, limits->following_error > 0 && magnitude(error) > limits->following_error);
  const bool is_strained = lasts(&ticks->effort, limits->max_effort > 0 && magnitude(effort) > limits->max_effort);
  const bool is_hot = lasts(&ticks->temperature, limits->max_temperature > 0 && temperature > limits->max_temperature);
  if (ticks->silent >= OMP_FAULT_TICKS) return (omp_finding){OMP_FAULT_BUS, j, ticks->silent};
  if (is_astray) return (omp_finding){OMP_FAULT_POSITION, j, supervisor->position[j]};
  if (is_off_course) return (omp_finding){OMP_FAULT_FOLLOWING_ERROR, j, saturate(error)};
  if (is_strained) return (omp_finding){OMP_FAULT_EFFORT, j, supervisor->effort[j]};
  if (is_hot) return (omp_finding){OMP_FAULT_TEMPERATURE, j, temperature};
  return (omp_finding){OMP_FAULT_NONE, OMP_NO_JOINT, 0};
}

omp_finding omp_supervisor_check(omp_supervisor *supervisor, const omp_params *params, const int32_t *command) {
  omp_finding first = {OMP_FAULT_NONE, OMP_NO_JOINT, 0};
  for (uint8_t j = 0; j < supervisor->joint_count; j++) {
    const omp_finding finding = check_joint(supervisor, &params->joints[j], command[j], j);
    if (first.code == OMP_FAULT_NONE) first = finding;
  }
  const bool is_low = params->min_voltage > 0 && supervisor->voltage < params->min_voltage;
  const bool is_high = params->max_voltage > 0 && supervisor->voltage > params->max_voltage;
  const bool has_bad_supply = lasts(&supervisor->voltage_ticks, is_low || is_high);
  if (first.code != OMP_FAULT_NONE || !has_bad_supply) return first;
  return (omp_finding){OMP_FAULT_VOLTAGE, OMP_NO_JOINT, saturate(supervisor->voltage)};
}
