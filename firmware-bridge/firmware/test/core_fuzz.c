/*
 * Whatever arrives, the command moves within the limits. Frames with valid checksums, damaged frames and noise, measurements in and out of
 * range and silent joints; after every tick each joint's command must be inside its position limits, or no further outside than it
 * was, and within the velocity limit of the last one. Aborts at the first violation.
 *
 *   core_fuzz SEED ROUNDS          random choices; ends with 1 when the arm hardly moved
 *   built with OMP_LIBFUZZER       libFuzzer's bytes are the choices
 */
#include <stdio.h>
#include <stdlib.h>

#include "omp_bytes.h"
#include "omp_core.h"
#include "so101_joints.h"

enum { TICKS_PER_ROUND = 400, FRAMES_PER_TICK = 3, ALL_JOINTS = (1 << SO101_JOINT_COUNT) - 1 };

static omp_core core;
static uint8_t seq;
static unsigned long commits;
static unsigned long brakes;
static unsigned long enables;
static unsigned long faults;

/* ---- Choices ---- */

#ifdef OMP_LIBFUZZER
static const uint8_t *choices;
static size_t choices_left;

static uint32_t next_byte(void) {
  if (choices_left == 0) return 0;
  choices_left--;
  return *choices++;
}

static uint32_t below(uint32_t bound) {
  uint32_t value = next_byte();
  for (uint32_t reach = 256; reach != 0 && reach < bound; reach <<= 8) value = value << 8 | next_byte();
  return value % bound;
}

static bool is_exhausted(void) { return choices_left == 0; }
#else
static uint32_t state;

static uint32_t below(uint32_t bound) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % bound;
}

static bool is_exhausted(void) { return false; }
#endif

static bool one_in(uint32_t n) { return below(n) == 0; }

/* ---- What arrives ---- */

static void observe(void *context, const omp_path_event *event) {
  (void)context;
  if (event->kind == OMP_PATH_COMMIT) commits++;
  if (event->kind == OMP_PATH_ENABLE) enables++;
  if (event->kind == OMP_PATH_BRAKE && core.path.motion != OMP_AT_REST) brakes++;
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
  omp_put_u32(payload + 8, below(2));
  receive_frame(OMP_HELLO, payload, sizeof payload);
}

static void enable(void) {
  uint8_t payload[8] = {ALL_JOINTS};
  omp_put_u16(payload + 2, (uint16_t)(100 + below(900)));
  omp_put_u32(payload + 4, core.limits_crc);
  receive_frame(OMP_ENABLE, payload, sizeof payload);
}

static void clear_fault(void) {
  uint8_t payload[4] = {core.fault};
  omp_put_u16(payload + 2, core.fault_nonce);
  receive_frame(OMP_CLEAR_FAULT, payload, sizeof payload);
}

static void set_param(void) {
  static const uint8_t params[] = {OMP_PARAM_FAIL_ACTION,     OMP_PARAM_FOLLOWING_ERROR, OMP_PARAM_MAX_EFFORT,
                                   OMP_PARAM_MAX_TEMPERATURE, OMP_PARAM_UNDERRUN,        OMP_PARAM_MIN_VOLTAGE};
  uint8_t payload[8] = {params[below(sizeof params)]};
  payload[1] = one_in(2) ? OMP_NO_JOINT : (uint8_t)below(OMP_MAX_JOINTS);
  omp_put_u32(payload + 4, below(one_in(4) ? 0xffffffffu : 3));
  receive_frame(OMP_PARAM_SET, payload, sizeof payload);
}

static void acknowledge_event(void) {
  uint8_t payload[4] = {0};
  omp_put_u16(payload, (uint16_t)(core.events.last_id - below(OMP_EVENT_DEPTH)));
  receive_frame(OMP_EVENT_ACK, payload, sizeof payload);
}

static void ask(void) {
  uint8_t payload[4] = {0};
  payload[0] = (uint8_t)below(OMP_MAX_JOINTS + 1);
  switch (below(4)) {
    case 0: receive_frame(OMP_DESCRIBE, payload, 1); break;
    case 1: receive_frame(OMP_SYNC, payload, sizeof payload); break;
    case 2: receive_frame(OMP_SUBSCRIBE, payload, sizeof payload); break;
    default:
      payload[0] = one_in(2) ? (uint8_t)(0x0f + below(5)) : (uint8_t)below(6);
      payload[1] = payload[0] < 0x0f || one_in(4) ? (uint8_t)below(OMP_MAX_JOINTS) : (uint8_t)OMP_NO_JOINT;
      receive_frame(OMP_PARAM_GET, payload, sizeof payload);
  }
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
  payload[11] = ALL_JOINTS;
  const bool is_careful = !one_in(8);
  const uint32_t reach = 1 + (one_in(10) ? 100000000u : 1500 * dt);
  for (uint8_t row = 0; row < rows; row++) {
    for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) {
      int64_t position = core.path.command[j] + (int64_t)below(2 * reach + 1) - reach;
      if (is_careful && position < so101_joints[j].min_position) position = so101_joints[j].min_position;
      if (is_careful && position > so101_joints[j].max_position) position = so101_joints[j].max_position;
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
    case 6: set_param(); break;
    case 7: acknowledge_event(); break;
    case 8: ask(); break;
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

/* ---- What must hold ---- */

static void require(bool holds, const char *what, uint8_t j, int64_t value) {
  if (holds) return;
  (void)fprintf(stderr, "core_fuzz: tick %u, joint %u: %s is %lld\n", core.path.tick, j, what, (long long)value);
  abort();
}

static void check_step(const int32_t *before) {
  for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) {
    const omp_joint *joint = &so101_joints[j];
    const int64_t command = core.path.command[j];
    const int64_t step = command - before[j];
    /* Truncation may add a count. */
    const int64_t reach = joint->max_velocity / OMP_TICK_HZ + 1;
    const bool is_in = command >= joint->min_position && command <= joint->max_position;
    const bool comes_back = command < joint->min_position ? step >= 0 : step <= 0;
    require(is_in || comes_back, "the command", j, command);
    require(step >= -reach && step <= reach, "the step", j, step);
    require(core.drive[j] <= OMP_ACTION_RELEASE, "what drives it", j, core.drive[j]);
  }
}

static void check_modes(uint8_t mode_before) {
  const bool is_armed = core.mode == OMP_MODE_HOLD || core.mode == OMP_MODE_RUN;
  require((core.mode == OMP_MODE_FAULT) == (core.fault != OMP_FAULT_NONE), "the fault", OMP_NO_JOINT, core.fault);
  require(core.mode != OMP_MODE_RUN || core.path.count > 0, "RUN with a ring of", OMP_NO_JOINT, core.path.count);
  require(core.path.count <= OMP_RING_DEPTH, "the ring", OMP_NO_JOINT, core.path.count);
  require(!is_armed || core.lease_left_ticks > 0, "the lease", OMP_NO_JOINT, core.lease_left_ticks);
  require(core.events.count <= OMP_EVENT_DEPTH, "the events", OMP_NO_JOINT, core.events.count);
  const bool was_armed = mode_before == OMP_MODE_HOLD || mode_before == OMP_MODE_RUN;
  require(was_armed || !is_armed, "a tick armed the arm: the mode", OMP_NO_JOINT, core.mode);
  if (core.mode == OMP_MODE_FAULT && mode_before != OMP_MODE_FAULT) faults++;
}

/* Conditions last, or none would ever be a fault. */
static omp_measurement weather;
static bool is_host_silent;
/* Where the joints of an arm that is not armed were moved to by hand; `hand_mask` says which. */
static int32_t hand[OMP_MAX_JOINTS];
static uint32_t hand_mask;

static void change_weather(void) {
  const bool is_bad = one_in(2);
  const uint8_t j = (uint8_t)below(SO101_JOINT_COUNT);
  weather = (omp_measurement){.valid_mask = 0xffu, .voltage = 12000};
  is_host_silent = one_in(16);
  for (uint8_t i = 0; i < SO101_JOINT_COUNT; i++) weather.temperature[i] = 30;
  if (!is_bad) return;
  weather.position[j] = (int32_t)below(one_in(4) ? 6000000 : 2000) - 1000;
  weather.effort[j] = (int32_t)below(4000) - 2000;
  weather.temperature[j] = (int16_t)below(120);
  weather.voltage = below(30000);
  if (one_in(8)) weather.valid_mask = below(256);
}

/* Around a limit, where most can go wrong. */
static void move_by_hand(void) {
  const uint8_t j = (uint8_t)below(SO101_JOINT_COUNT);
  const int32_t limit = one_in(2) ? so101_joints[j].min_position : so101_joints[j].max_position;
  hand[j] = limit + (int32_t)below(200000) - 100000;
  hand_mask |= 1u << j;
}

static void tick(void) {
  int32_t before[OMP_MAX_JOINTS];
  if (one_in(80)) change_weather();
  if (core.mode != OMP_MODE_IDLE) hand_mask = 0;
  else if (one_in(4)) move_by_hand();
  omp_measurement measurement = weather;
  for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) {
    before[j] = core.path.command[j];
    /* Every ENABLE takes the measured position; the sum stays in 32 bits. */
    if (before[j] > 50000000 || before[j] < -50000000) measurement.position[j] = 0;
    measurement.position[j] += before[j];
    if ((hand_mask >> j & 1u) != 0) measurement.position[j] = hand[j];
  }
  const bool had_command = core.has_command;
  const uint8_t mode_before = core.mode;
  omp_core_tick(&core, &measurement);
  if (had_command) check_step(before);
  check_modes(mode_before);
}

/* A block as it was kept, a damaged one, or none. */
static void boot(void) {
  uint8_t stored[OMP_MAX_STORED];
  omp_config config = {.joints = so101_joints,
                       .joint_count = SO101_JOINT_COUNT,
                       .abilities = OMP_ALL_ABILITIES,
                       .identity = {.boot_id = 1 + below(1000), .reset_cause = 1},
                       .observer = observe};
  if (omp_core_init(&core, &config).error != OMP_TABLE_OK) abort();
  if (one_in(2)) return;
  config.stored = stored;
  config.stored_bytes = omp_params_save(&core.params, core.schema_hash, stored);
  if (one_in(2)) stored[below((uint32_t)config.stored_bytes)] ^= (uint8_t)below(256);
  if (omp_core_init(&core, &config).error != OMP_TABLE_OK) abort();
}

static void run_round(void) {
  boot();
  change_weather();
  core.path.tick = below(2) == 0 ? 0 : UINT32_MAX - below(TICKS_PER_ROUND);
  for (int i = 0; i < TICKS_PER_ROUND && !is_exhausted(); i++) {
    tick();
    uint8_t sent[OMP_TRANSMIT_BYTES];
    for (uint32_t left = is_host_silent ? 0 : below(FRAMES_PER_TICK); left > 0; left--) arrive();
    if (!one_in(8)) (void)omp_core_transmit(&core, sent, below(sizeof sent + 1));
    (void)omp_core_store(&core, sent);
  }
}

#ifdef OMP_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  choices = data;
  choices_left = size;
  seq = 0;
  run_round();
  return 0;
}
#else
int main(int argc, char **argv) {
  if (argc != 3) {
    (void)fprintf(stderr, "usage: core_fuzz SEED ROUNDS\n");
    return 2;
  }
  state = (uint32_t)strtoul(argv[1], NULL, 10) | 1u;
  const unsigned long rounds = strtoul(argv[2], NULL, 10);
  for (unsigned long i = 0; i < rounds; i++) run_round();
  (void)printf("%lu chunks, %lu enables, %lu stops in motion, %lu faults\n", commits, enables, brakes, faults);
  /* A fuzzer that never moves the arm shows nothing. */
  return commits > rounds && brakes > rounds / 10 && faults > rounds / 20 ? 0 : 1;
}
#endif
