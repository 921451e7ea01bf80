/* The joint table: what a port says its joints are. Units of PROTOCOL.md section 1. */
#ifndef OMP_JOINT_H
#define OMP_JOINT_H

#include <stdint.h>

enum {
  OMP_MAX_JOINTS = 8,
  OMP_JOINT_NAME = 16,
  /* Counts/s: 1000 rad/s. */
  OMP_MAX_VELOCITY = 1000000000,
  /* Ticks in which a joint must come to rest from its greatest velocity. */
  OMP_MAX_BRAKE_TICKS = 5000,
};

/* What PARAM_SET can change of a joint. 0 of a limit: not monitored. */
typedef struct {
  /* OMP_ACTION_HOLD, DAMP or RELEASE. */
  uint8_t fail_action;
  /* Degrees Celsius. */
  uint8_t max_temperature;
  uint32_t max_effort;
  uint32_t following_error;
} omp_joint_params;

typedef struct {
  /* ASCII letters, digits, "_" and "-"; zero padded, not terminated when it fills the field. */
  char name[OMP_JOINT_NAME];
  /* 0 revolute, 1 prismatic. */
  uint8_t kind;
  int32_t min_position;
  int32_t max_position;
  uint32_t max_velocity;
  uint32_t max_acceleration;
  /* In effect until a stored block or PARAM_SET says otherwise. */
  omp_joint_params defaults;
} omp_joint;

typedef enum {
  OMP_TABLE_OK,
  /* 1 to OMP_MAX_JOINTS. */
  OMP_TABLE_JOINT_COUNT,
  /* Empty, of other letters, or another joint's. */
  OMP_TABLE_NAME,
  OMP_TABLE_KIND,
  /* min_position is not below max_position. */
  OMP_TABLE_RANGE,
  /* 0, or above OMP_MAX_VELOCITY. */
  OMP_TABLE_VELOCITY,
  /* 0, or too small for OMP_MAX_BRAKE_TICKS. */
  OMP_TABLE_ACCELERATION,
  /* A default that PARAM_SET would refuse. */
  OMP_TABLE_DEFAULTS,
} omp_table_error;

/* The first thing wrong with the names and limits of a table; `joint` is where. Defaults are not looked at. */
omp_table_error omp_joint_table_check(const omp_joint *joints, uint8_t joint_count, uint32_t tick_hz, uint8_t *joint);

/* Letters of a joint's name. */
uint8_t omp_joint_name_length(const omp_joint *joint);

#endif
