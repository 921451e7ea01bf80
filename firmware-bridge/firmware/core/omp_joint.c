#include "omp_joint.h"

#include <stdbool.h>

uint8_t omp_joint_name_length(const omp_joint *joint) {
  uint8_t length = 0;
  while (length < OMP_JOINT_NAME && joint->name[length] != '\0') length++;
  return length;
}

static bool is_name_letter(char letter) {
  const bool is_alphabetic = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
  return is_alphabetic || (letter >= '0' && letter <= '9') || letter == '_' || letter == '-';
}

static bool is_name(const omp_joint *joint) {
  const uint8_t length = omp_joint_name_length(joint);
  for (uint8_t i = 0; i < length; i++) {
    if (!is_name_letter(joint->name[i])) return false;
  }
  /* What follows the name is hashed by nobody and sent to everybody. */
  for (uint8_t i = length; i < OMP_JOINT_NAME; i++) {
    if (joint->name[i] != '\0') return false;
  }
  return length > 0;
}

static bool have_same_name(const omp_joint *a, const omp_joint *b) {
  for (uint8_t i = 0; i < OMP_JOINT_NAME; i++) {
    if (a->name[i] != b->name[i]) return false;
  }
  return true;
}

static omp_table_error check_limits(const omp_joint *joint, uint32_t tick_hz) {
  if (joint->kind > 1) return OMP_TABLE_KIND;
  if (joint->min_position >= joint->max_position) return OMP_TABLE_RANGE;
  if (joint->max_velocity == 0 || joint->max_velocity > OMP_MAX_VELOCITY) return OMP_TABLE_VELOCITY;
  const uint64_t needed = (uint64_t)joint->max_velocity * tick_hz;
  if (needed > (uint64_t)joint->max_acceleration * OMP_MAX_BRAKE_TICKS) return OMP_TABLE_ACCELERATION;
  return OMP_TABLE_OK;
}

omp_table_error omp_joint_table_check(const omp_joint *joints, uint8_t joint_count, uint32_t tick_hz, uint8_t *joint) {
  *joint = 0;
  if (joint_count < 1 || joint_count > OMP_MAX_JOINTS) return OMP_TABLE_JOINT_COUNT;
  for (uint8_t j = 0; j < joint_count; j++) {
    *joint = j;
    if (!is_name(&joints[j])) return OMP_TABLE_NAME;
    for (uint8_t other = 0; other < j; other++) {
      if (have_same_name(&joints[j], &joints[other])) return OMP_TABLE_NAME;
    }
    const omp_table_error error = check_limits(&joints[j], tick_hz);
    if (error != OMP_TABLE_OK) return error;
  }
  return OMP_TABLE_OK;
}
