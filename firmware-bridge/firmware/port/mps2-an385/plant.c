#include "plant.h"

#include "omp_codes.h"

enum {
  COUNT = 256,
  /* Ticks of the lag. */
  LAG = 16,
  /* Counts a tick: 20 mrad/s and 1 rad/s. */
  SINKING = 20,
  FALLING = 1000,
};

void plant_init(plant *self, const omp_joint *joints, uint8_t joint_count) {
  *self = (plant){.joints = joints, .joint_count = joint_count};
  for (uint8_t j = 0; j < joint_count; j++) {
    self->position[j] = ((int64_t)joints[j].min_position + joints[j].max_position) / 2 * COUNT;
  }
}

void plant_tick(plant *self, const int32_t *command, const uint8_t *drive) {
  for (uint8_t j = 0; j < self->joint_count; j++) {
    int64_t *position = &self->position[j];
    if (drive[j] == OMP_ACTION_HOLD) {
      const int64_t target = (int64_t)command[j] * COUNT;
      const int64_t step = (target - *position) / LAG;
      *position = step == 0 ? target : *position + step;
      continue;
    }
    const int64_t floor = (int64_t)self->joints[j].min_position * COUNT;
    *position -= (drive[j] == OMP_ACTION_DAMP ? SINKING : FALLING) * COUNT;
    if (*position < floor) *position = floor;
  }
}

int32_t plant_position(const plant *self, uint8_t joint) { return (int32_t)(self->position[joint] / COUNT); }
