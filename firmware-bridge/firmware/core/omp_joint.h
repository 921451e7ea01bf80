#ifndef OMP_JOINT_H
#define OMP_JOINT_H

#include <stdint.h>

enum { OMP_MAX_JOINTS = 8, OMP_JOINT_NAME = 16 };

/* A joint and its limits; units of PROTOCOL.md section 1. */
typedef struct {
  /* ASCII, zero padded, not terminated when it fills the field. */
  char name[OMP_JOINT_NAME];
  /* 0 revolute, 1 prismatic. */
  uint8_t kind;
  int32_t min_position;
  int32_t max_position;
  uint32_t max_velocity;
  /* Above 0. */
  uint32_t max_acceleration;
  /* 0: not monitored. */
  uint32_t max_effort;
  /* 0: not monitored. */
  uint32_t following_error;
} omp_joint;

#endif
