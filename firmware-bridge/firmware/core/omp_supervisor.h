/* What is measured, and the faults that follow from it: PROTOCOL.md section 7. */
#ifndef OMP_SUPERVISOR_H
#define OMP_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "omp_joint.h"
#include "omp_params.h"

enum {
  /* Ticks a condition must last before it is a fault. */
  OMP_FAULT_TICKS = 100,
  /* A measured position may be this part of the joint's range outside of it. */
  OMP_RANGE_MARGIN = 32,
};

/* One tick's measurements. Values of joints without their bit are not read. */
typedef struct {
  /* A bit for every joint that was measured since the last tick. */
  uint32_t valid_mask;
  int32_t position[OMP_MAX_JOINTS];
  /* mN·m or mN; 0 where the port does not measure it. */
  int32_t effort[OMP_MAX_JOINTS];
  /* Degrees Celsius. */
  int16_t temperature[OMP_MAX_JOINTS];
  /* mV of the motors' supply. */
  uint32_t voltage;
} omp_measurement;

typedef struct {
  /* OMP_FAULT_NONE or what is wrong. */
  uint8_t code;
  /* Or OMP_NO_JOINT. */
  uint8_t joint;
  /* What was out of its limit, in its unit. */
  int32_t value;
} omp_finding;

/* Consecutive ticks of each condition of one joint. */
typedef struct {
  uint16_t position;
  uint16_t following;
  uint16_t effort;
  uint16_t temperature;
  /* Since the last measurement; stays at OMP_FAULT_TICKS. */
  uint16_t silent;
} omp_joint_ticks;

typedef struct {
  const omp_joint *joints;
  uint8_t joint_count;
  int32_t position[OMP_MAX_JOINTS];
  /* Measured one before `position`. */
  int32_t previous[OMP_MAX_JOINTS];
  int32_t effort[OMP_MAX_JOINTS];
  int16_t temperature[OMP_MAX_JOINTS];
  uint32_t voltage;
  omp_joint_ticks ticks[OMP_MAX_JOINTS];
  uint16_t voltage_ticks;
  /* The joints' ranges, widened to where a joint was enabled outside of its own until it has come back. */
  int32_t low[OMP_MAX_JOINTS];
  int32_t high[OMP_MAX_JOINTS];
} omp_supervisor;

void omp_supervisor_init(omp_supervisor *supervisor, const omp_joint *joints, uint8_t joint_count);

/* Takes a tick's measurements. */
void omp_supervisor_measure(omp_supervisor *supervisor, const omp_measurement *measurement);

/* Whether a joint has given no measurement for so long that nobody knows where it is. */
bool omp_supervisor_is_blind(const omp_supervisor *supervisor);

/* Motion is allowed from here on: conditions are counted from 0. */
void omp_supervisor_enable(omp_supervisor *supervisor);

/* Judges a tick with motion allowed; the first fault found. */
omp_finding omp_supervisor_check(omp_supervisor *supervisor, const omp_params *params, const int32_t *command);

#endif
