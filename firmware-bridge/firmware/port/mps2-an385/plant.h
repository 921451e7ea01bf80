/* Simulated joints: first-order lag while driven, sinking while damped, falling while released. */
#ifndef PLANT_H
#define PLANT_H

#include "omp_joint.h"

typedef struct {
  const omp_joint *joints;
  uint8_t joint_count;
  /* Counts / 256. */
  int64_t position[OMP_MAX_JOINTS];
} plant;

/* At rest in the middle of every range. */
void plant_init(plant *self, const omp_joint *joints, uint8_t joint_count);

/* One tick; `drive` has OMP_ACTION_HOLD for a joint that is driven to its command. */
void plant_tick(plant *self, const int32_t *command, const uint8_t *drive);

/* Counts. */
int32_t plant_position(const plant *self, uint8_t joint);

#endif
