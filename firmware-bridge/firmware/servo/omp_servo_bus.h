/*
 * The controller as the one master of a bus of servos: it writes their goals, reads where they are and hands that to the core, which adds
 * what the servos lack: a lease, limits, faults and what to do in a fault. No allocation and no I/O; a port owns the half-duplex UART:
 *
 *   omp_servo_bus_measure   what was read since the last tick, for omp_core_tick
 *   omp_core_tick
 *   omp_servo_bus_drive     the core's command, after the tick
 *   omp_servo_bus_transmit  bytes for the servos; the port turns the line around when they have left
 *   omp_servo_bus_receive   bytes of the servos; an echo of what was sent does no harm
 *
 * In a cycle it writes goals, torque where it has to change, and reads every servo: about 2 ms for six servos at 1 MBd. A servo without
 * torque gets no goal: some switch torque on by it. A joint that must be damped cannot be: do not claim OMP_CAN_DAMP.
 */
#ifndef OMP_SERVO_BUS_H
#define OMP_SERVO_BUS_H

#include "omp_core.h"
#include "omp_servo_packet.h"

enum {
  OMP_SERVO_STEPS_PER_TURN = 4096,
  /* Ticks a read may take before the next cycle begins without the answers that are missing. */
  OMP_SERVO_READ_TICKS = 5,
  /* Torque is written this often after a change: nobody answers a write to all. */
  OMP_SERVO_TORQUE_WRITES = 3,
  /* No servo turns faster than 150 rpm: what says so was damaged on a bus with an 8-bit checksum. */
  OMP_SERVO_STEPS_PER_TICK = 11,
  OMP_SERVO_QUEUE = 192,
};

typedef struct {
  uint8_t id;
  /* Steps where the joint's position is 0. */
  int32_t zero_steps;
  /* Its steps count against the joint's positions. */
  bool is_reversed;
} omp_servo;

typedef struct {
  omp_servo_family family;
  /* In joint order; must outlive the bus. */
  const omp_servo *servos;
  uint8_t count;
} omp_servo_config;

typedef struct {
  uint32_t cycles;
  /* Answers that did not come in time. */
  uint32_t missing;
  /* Answers whose position cannot be. */
  uint32_t implausible;
} omp_servo_counters;

typedef struct {
  omp_servo_config config;
  omp_servo_decoder decoder;
  omp_servo_counters counters;
  uint8_t queue[OMP_SERVO_QUEUE];
  size_t queue_head;
  size_t queue_count;
  /* A bit for every servo whose answer is awaited. */
  uint8_t awaited;
  uint8_t read_ticks;
  /* A bit for every servo that has torque, as far as it was told. */
  uint8_t torque;
  bool has_torque;
  uint8_t torque_writes;
  uint32_t tick;
  /* A bit for every servo whose `steps`, at `steps_tick`, are known. */
  uint8_t known;
  int32_t steps[OMP_MAX_JOINTS];
  uint32_t steps_tick[OMP_MAX_JOINTS];
  omp_measurement measurement;
} omp_servo_bus;

void omp_servo_bus_init(omp_servo_bus *bus, const omp_servo_config *config);

/* Takes what was read since the last call. */
omp_measurement omp_servo_bus_measure(omp_servo_bus *bus);

/* After every tick; begins the next cycle when the last one is over. */
void omp_servo_bus_drive(omp_servo_bus *bus, const omp_core *core);

size_t omp_servo_bus_transmit(omp_servo_bus *bus, uint8_t *bytes, size_t capacity);
void omp_servo_bus_receive(omp_servo_bus *bus, const uint8_t *bytes, size_t count);

#endif
