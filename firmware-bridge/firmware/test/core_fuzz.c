/*
 * Whatever arrives, the command moves within the limits. Random frames with valid checksums, damaged frames and noise, random
 * measurements and silent joints; after every tick each joint's command must be inside its position limits and within the velocity
 * limit of the last one. Ends with 1 at the first violation.
 *
 *   core-fuzz SEED ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>

#include "omp_bytes.h"
#include "omp_core.h"
#include "so101_joints.h"

enum { TICKS_PER_ROUND = 400, FRAMES_PER_TICK = 3 };

static omp_core core;
static uint32_t state;
static uint8_t seq;
static unsigned long commits;
static unsigned long brakes;

static uint32_t below(uint32_t bound) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % bound;
}

static bool one_in(uint32_t n) { return below(n) == 0; }

static void observe(void *context, const omp_event *event) {
  (void)context;
  if (event->kind == OMP_EVENT_COMMIT) commits++;
  if (event->kind == OMP_EVENT_BRAKE && core.path.motion != OMP_AT_REST) brakes++;
}

static void receive_frame(uint8_t type, const uint8_t *payload, size_t length) {
  uint8_t wire[OMP_MAX_WIRE];
  const bool has_seed = type != OMP_HELLO && type != OMP_ESTOP;
  seq = (uint8_t)(seq + (one_in(20) ? below(256) : 1));
  const size_t count = omp_frame_encode(wire, type, seq, payload, length, has_seed ? core.schema_hash ^ core.session_id : 0);
  if (one_in(10)) wire[below((uint32_t)count)] ^= (uint8_t)(1u << below(8));
  omp_core_receive(&core, wire, one_in(10) ? below((uint32_t)count) : count, (uint16_t)below(1000));
}

static void hello(void) {
  uint8_t payload[12] = {OMP_PROTOCOL_MAJOR};
  omp_put_u32(payload + 4, below(4));
  receive_frame(OMP_HELLO, payload, sizeof payload);
}

static void enable(void) {
  uint8_t payload[8] = {(1u << SO101_JOINT_COUNT) - 1u};
  omp_put_u16(payload + 2, (uint16_t)(100 + below(900)));
  omp_put_u32(payload + 4, core.limits_crc);
  receive_frame(OMP_ENABLE, payload, sizeof payload);
}

static void clear_fault(void) {
  uint8_t payload[4] = {core.fault};
  omp_put_u16(payload + 2, core.fault_nonce);
  receive_frame(OMP_CLEAR_FAULT, payload, sizeof payload);
}

/* Mostly near the present command and time, so that a good share is admitted. */
static void trajectory(void) {
  uint8_t payload[OMP_MAX_PAYLOAD] = {0};
  const uint8_t rows = (uint8_t)below(10);
  const uint32_t dt = 1 + below(one_in(10) ? 2000 : 40);
  payload[3] = (uint8_t)(1 + below(one_in(5) ? 3 : 1));
  payload[2] = (uint8_t)below(payload[3]);
  omp_put_u32(payload + 4, core.path.tick + below(one_in(10) ? 4000 : 120));
  omp_put_u16(payload + 8, (uint16_t)dt);
  payload[10] = rows;
  payload[11] = (1u << SO101_JOINT_COUNT) - 1u;
  const uint32_t reach = 1 + (one_in(10) ? 100000000u : 1500 * dt);
  for (uint8_t row = 0; row < rows; row++) {
    for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) {
      const int64_t position = core.path.command[j] + (int64_t)below(2 * reach + 1) - reach;
      omp_put_i32(payload + 12 + 4 * (row * SO101_JOINT_COUNT + j), (int32_t)position);
    }
  }
  receive_frame(OMP_TRAJ, payload, 12u + 4u * rows * SO101_JOINT_COUNT);
}

static void noise(void) {
  uint8_t bytes[300];
  const size_t count = below(sizeof bytes);
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)below(256);
  if (one_in(2)) {
    omp_core_receive(&core, bytes, count, 0);
  } else {
    receive_frame((uint8_t)below(256), bytes, count < OMP_MAX_PAYLOAD ? count : OMP_MAX_PAYLOAD);
  }
}

static void arrive(void) {
  switch (below(64)) {
    case 0: hello(); break;
    case 1: receive_frame(OMP_HOLD, NULL, 0); break;
    case 2: receive_frame(OMP_DISABLE, NULL, 0); break;
    case 3: receive_frame(OMP_ESTOP, NULL, 0); break;
    case 4: noise(); break;
    case 5: omp_core_reopen(&core); break;
    default:
      if (core.session_id == 0) {
        hello();
      } else if (core.mode == OMP_MODE_FAULT) {
        clear_fault();
      } else if (core.mode == OMP_MODE_IDLE) {
        enable();
      } else if (one_in(8)) {
        trajectory();
      } else {
        receive_frame(OMP_HEARTBEAT, NULL, 0);
      }
  }
}

static void check_step(const int32_t *before) {
  for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) {
    const omp_joint *joint = &so101_joints[j];
    const int64_t command = core.path.command[j];
    const int64_t step = command - before[j];
    /* Truncation may add a count. */
    const int64_t reach = joint->max_velocity / OMP_TICK_HZ + 1;
    if (command >= joint->min_position && command <= joint->max_position && step >= -reach && step <= reach) continue;
    (void)fprintf(stderr, "core-fuzz: tick %u, %s: command %lld, step %lld\n", core.path.tick, joint->name,
                  (long long)command, (long long)step);
    exit(1);
  }
}

static void tick(void) {
  int32_t measured[OMP_MAX_JOINTS] = {0};
  int32_t before[OMP_MAX_JOINTS];
  for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) {
    before[j] = core.path.command[j];
    measured[j] = one_in(50) ? core.path.command[j] + (int32_t)below(2000) - 1000 : core.path.command[j];
    if (measured[j] < so101_joints[j].min_position) measured[j] = so101_joints[j].min_position;
    if (measured[j] > so101_joints[j].max_position) measured[j] = so101_joints[j].max_position;
  }
  const bool had_command = core.has_command;
  omp_core_tick(&core, measured, one_in(20) ? below(256) : 0xffu);
  if (had_command) check_step(before);
}

static void run_round(void) {
  const omp_identity identity = {.boot_id = 1 + below(1000), .reset_cause = 1};
  omp_core_init(&core, so101_joints, SO101_JOINT_COUNT, &identity, observe, NULL);
  core.path.tick = below(2) == 0 ? 0 : UINT32_MAX - below(TICKS_PER_ROUND);
  for (int i = 0; i < TICKS_PER_ROUND; i++) {
    tick();
    uint8_t sent[OMP_TRANSMIT_BYTES];
    for (uint32_t left = below(FRAMES_PER_TICK); left > 0; left--) arrive();
    if (!one_in(8)) (void)omp_core_transmit(&core, sent, below(sizeof sent + 1));
  }
}

int main(int argc, char **argv) {
  if (argc != 3) {
    (void)fprintf(stderr, "usage: core-fuzz SEED ROUNDS\n");
    return 2;
  }
  state = (uint32_t)strtoul(argv[1], NULL, 10) | 1u;
  const unsigned long rounds = strtoul(argv[2], NULL, 10);
  for (unsigned long i = 0; i < rounds; i++) run_round();
  (void)printf("%lu chunks, %lu stops in motion\n", commits, brakes);
  /* A fuzzer that never moves the arm shows nothing. */
  return commits > rounds && brakes > rounds / 10 ? 0 : 1;
}
