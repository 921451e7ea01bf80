/* Servos behind a half-duplex line: they answer requests as their manuals say, and have the faults of real ones. */
#ifndef SERVO_SIM_H
#define SERVO_SIM_H

#include "omp_servo_packet.h"

enum { SIM_SERVOS = 3, SIM_LINE = 512 };

typedef struct {
  uint8_t id;
  int32_t position;
  int32_t goal;
  bool has_goal;
  bool has_torque;
  /* Of what the next answers suffer from. */
  bool is_silent;
  bool is_damaged;
  uint8_t voltage;
  uint8_t temperature;
  unsigned goals_without_torque;
} sim_servo;

typedef struct {
  omp_servo_family family;
  omp_servo_decoder decoder;
  sim_servo servos[SIM_SERVOS];
  uint8_t line[SIM_LINE];
  size_t count;
  unsigned reads;
} servo_sim;

void servo_sim_init(servo_sim *sim, omp_servo_family family);

/* Bytes of the master. */
void servo_sim_receive(servo_sim *sim, const uint8_t *bytes, size_t count);

/* Bytes for the master. */
size_t servo_sim_transmit(servo_sim *sim, uint8_t *bytes, size_t capacity);

/* One tick: servos with torque turn toward their goal, others sink by 1 step. */
void servo_sim_tick(servo_sim *sim);

#endif
