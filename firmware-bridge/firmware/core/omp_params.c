#include "omp_params.h"

#include "omp_bytes.h"
#include "omp_codes.h"
#include "omp_crc32.h"

enum { STORED_VERSION = 1 };

bool omp_params_get(const omp_params *params, uint8_t param, uint8_t joint, uint32_t *value) {
  if (joint == OMP_NO_JOINT) {
    switch (param) {
      case OMP_PARAM_UNDERRUN: *value = params->underrun; return true;
      case OMP_PARAM_MIN_VOLTAGE: *value = params->min_voltage; return true;
      case OMP_PARAM_MAX_VOLTAGE: *value = params->max_voltage; return true;
      default: return false;
    }
  }
  if (joint >= params->joint_count) return false;
  const omp_joint_params *own = &params->joints[joint];
  switch (param) {
    case OMP_PARAM_FAIL_ACTION: *value = own->fail_action; return true;
    case OMP_PARAM_FOLLOWING_ERROR: *value = own->following_error; return true;
    case OMP_PARAM_MAX_EFFORT: *value = own->max_effort; return true;
    case OMP_PARAM_MAX_TEMPERATURE: *value = own->max_temperature; return true;
    default: return false;
  }
}

static bool can_act(const omp_params *params, uint32_t action) {
  if (action == OMP_ACTION_DAMP) return (params->abilities & OMP_CAN_DAMP) != 0;
  if (action == OMP_ACTION_RELEASE) return (params->abilities & OMP_CAN_RELEASE) != 0;
  return action == OMP_ACTION_HOLD;
}

/* A limit on what is not measured would never trip, and an action that no joint can take would not be taken. */
static bool is_in_range(const omp_params *params, uint8_t param, uint32_t value) {
  switch (param) {
    case OMP_PARAM_FAIL_ACTION: return can_act(params, value);
    case OMP_PARAM_UNDERRUN: return value <= OMP_UNDERRUN_FAULTS;
    case OMP_PARAM_FOLLOWING_ERROR: return value <= INT32_MAX;
    case OMP_PARAM_MAX_EFFORT: return value == 0 || (value <= INT32_MAX && params->abilities & OMP_MEASURES_EFFORT);
    case OMP_PARAM_MAX_TEMPERATURE: return value == 0 || (value <= UINT8_MAX && params->abilities & OMP_MEASURES_TEMPERATURE);
    case OMP_PARAM_MIN_VOLTAGE:
    case OMP_PARAM_MAX_VOLTAGE: return value == 0 || (value <= INT32_MAX && params->abilities & OMP_MEASURES_VOLTAGE);
    default: return false;
  }
}

bool omp_params_set(omp_params *params, uint8_t param, uint8_t joint, uint32_t value) {
  uint32_t present;
  if (!omp_params_get(params, param, joint, &present) || !is_in_range(params, param, value)) return false;
  omp_joint_params *own = &params->joints[joint == OMP_NO_JOINT ? 0 : joint];
  switch (param) {
    case OMP_PARAM_FAIL_ACTION: own->fail_action = (uint8_t)value; break;
    case OMP_PARAM_FOLLOWING_ERROR: own->following_error = value; break;
    case OMP_PARAM_MAX_EFFORT: own->max_effort = value; break;
    case OMP_PARAM_MAX_TEMPERATURE: own->max_temperature = (uint8_t)value; break;
    case OMP_PARAM_UNDERRUN: params->underrun = (uint8_t)value; break;
    case OMP_PARAM_MIN_VOLTAGE: params->min_voltage = value; break;
    default: params->max_voltage = value; break;
  }
  return true;
}

static bool set_joint(omp_params *params, uint8_t joint, const omp_joint_params *values) {
  return omp_params_set(params, OMP_PARAM_FAIL_ACTION, joint, values->fail_action) &&
         omp_params_set(params, OMP_PARAM_FOLLOWING_ERROR, joint, values->following_error) &&
         omp_params_set(params, OMP_PARAM_MAX_EFFORT, joint, values->max_effort) &&
         omp_params_set(params, OMP_PARAM_MAX_TEMPERATURE, joint, values->max_temperature);
}

bool omp_params_init(omp_params *params, const omp_joint *joints, uint8_t joint_count, uint8_t abilities, uint8_t *joint) {
  *params = (omp_params){.joint_count = joint_count, .abilities = abilities};
  for (*joint = 0; *joint < joint_count; (*joint)++) {
    if (!set_joint(params, *joint, &joints[*joint].defaults)) return false;
  }
  return true;
}

size_t omp_params_save(const omp_params *params, uint32_t schema_hash, uint8_t *bytes) {
  uint8_t *at = bytes;
  omp_put_u32(at, schema_hash);
  omp_put_u32(at + 4, STORED_VERSION);
  at += OMP_STORED_HEADER;
  for (uint8_t j = 0; j < params->joint_count; j++, at += OMP_STORED_JOINT) {
    const omp_joint_params *own = &params->joints[j];
    at[0] = own->fail_action;
    at[1] = own->max_temperature;
    omp_put_u16(at + 2, 0);
    omp_put_u32(at + 4, own->max_effort);
    omp_put_u32(at + 8, own->following_error);
  }
  omp_put_u32(at, params->underrun);
  omp_put_u32(at + 4, params->min_voltage);
  omp_put_u32(at + 8, params->max_voltage);
  at += OMP_STORED_CONTROLLER;
  const size_t length = (size_t)(at - bytes);
  omp_put_u32(at, omp_crc32(0, bytes, length));
  return length + OMP_STORED_CRC;
}

static bool is_block(const omp_params *params, uint32_t schema_hash, const uint8_t *bytes, size_t count) {
  const size_t length = OMP_STORED_HEADER + (size_t)OMP_STORED_JOINT * params->joint_count + OMP_STORED_CONTROLLER;
  return count == length + OMP_STORED_CRC && omp_crc32(0, bytes, length) == omp_get_u32(bytes + length) &&
         omp_get_u32(bytes) == schema_hash && omp_get_u32(bytes + 4) == STORED_VERSION;
}

bool omp_params_load(omp_params *params, uint32_t schema_hash, const uint8_t *bytes, size_t count) {
  if (!is_block(params, schema_hash, bytes, count)) return false;
  omp_params stored = *params;
  const uint8_t *at = bytes + OMP_STORED_HEADER;
  for (uint8_t j = 0; j < params->joint_count; j++, at += OMP_STORED_JOINT) {
    const omp_joint_params values = {.fail_action = at[0],
                                     .max_temperature = at[1],
                                     .max_effort = omp_get_u32(at + 4),
                                     .following_error = omp_get_u32(at + 8)};
    if (!set_joint(&stored, j, &values)) return false;
  }
  if (!omp_params_set(&stored, OMP_PARAM_UNDERRUN, OMP_NO_JOINT, omp_get_u32(at)) ||
      !omp_params_set(&stored, OMP_PARAM_MIN_VOLTAGE, OMP_NO_JOINT, omp_get_u32(at + 4)) ||
      !omp_params_set(&stored, OMP_PARAM_MAX_VOLTAGE, OMP_NO_JOINT, omp_get_u32(at + 8))) {
    return false;
  }
  *params = stored;
  return true;
}

uint32_t omp_params_crc(const omp_params *params, uint32_t schema_hash) {
  uint8_t bytes[OMP_MAX_STORED];
  const size_t length = omp_params_save(params, schema_hash, bytes);
  return omp_get_u32(bytes + length - OMP_STORED_CRC);
}
