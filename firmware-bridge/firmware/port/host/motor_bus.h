/*
 * Motors behind a pair of pipes, in little-endian records. Out goes u32 tick, u32 n, u32 drive, i32[n] counts: what the joints are driven
 * to at `tick`, and two bits a joint of `drive`, 0 driven, 1 damped, 2 released. In comes u32 tick, u32 n, i32[n] counts: what was measured
 * after it. Neither way ever blocks the tick.
 */
#ifndef MOTOR_BUS_H
#define MOTOR_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omp_joint.h"

typedef struct {
  int in;
  int out;
  uint8_t joint_count;
  uint8_t bytes[8 + 4 * OMP_MAX_JOINTS];
  size_t count;
  int32_t measured[OMP_MAX_JOINTS];
  /* A bit for every joint measured since the last `motor_bus_take`. */
  uint32_t fresh_mask;
  bool is_closed;
  uint32_t commands_dropped;
} motor_bus;

void motor_bus_init(motor_bus *bus, int in, int out, uint8_t joint_count);
/* `command` and `drive` have a value for every joint. */
void motor_bus_command(motor_bus *bus, uint32_t tick, const int32_t *command, const uint8_t *drive);
/* Reads what has arrived. */
void motor_bus_poll(motor_bus *bus);
/* Joints measured since the last call. */
uint32_t motor_bus_take(motor_bus *bus);

#endif
