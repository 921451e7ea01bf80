/*
 * The servo bus: documented packets byte for byte, and the core as master of simulated servos.
 *
 *   packet FAMILY WAY ID CODE PARAMS BYTES       FAMILY feetech or dynamixel, WAY host or servo, CODE instruction or error
 */
#include <stdio.h>
#include <string.h>

#include "lines.h"
#include "omp_bytes.h"
#include "omp_servo_bus.h"
#include "servo_sim.h"

enum { SESSION = 0x5e55, SIX_TURNS = 40000000, LEASE_MS = 100 };

/* ---- Packets ---- */

static void check_encoding(omp_servo_family family, bool is_host, uint8_t id, uint8_t code, const byte_string *params,
                           const byte_string *bytes) {
  byte_string encoded = {.count = 0};
  byte_string all = *params;
  uint8_t instruction = code;
  if (family == OMP_DYNAMIXEL && !is_host) {
    all = (byte_string){.at = {code}, .count = 1};
    append(&all, params->at, params->count);
    instruction = OMP_SERVO_STATUS;
  }
  encoded.count = omp_servo_encode(family, encoded.at, id, instruction, all.at, all.count);
  expect_bytes("the encoded packet", &encoded, bytes);
}

static void check_decoding(omp_servo_family family, bool is_host, uint8_t id, uint8_t code, const byte_string *params,
                           const byte_string *bytes) {
  omp_servo_decoder decoder = {.family = family};
  omp_servo_packet packet = {0};
  /* Behind noise that begins like a packet. */
  const uint8_t noise[] = {0x00, 0xff, 0x55, 0xff, 0xff};
  for (size_t i = 0; i < sizeof noise; i++) expect("a packet in noise", omp_servo_push(&decoder, noise[i], &packet), false);
  omp_servo_reset(&decoder);
  for (size_t i = 0; i < bytes->count; i++) {
    expect("the end of the packet", omp_servo_push(&decoder, bytes->at[i], &packet), i + 1 == bytes->count);
  }
  byte_string decoded = {.count = 0};
  append(&decoded, packet.params, packet.count);
  expect("id", packet.id, id);
  expect("code", is_host ? packet.instruction : packet.error, code);
  expect_bytes("the params", &decoded, params);
  expect("damaged packets", decoder.counters.damaged, 0);
}

/* No single bit error makes a packet of the same id, length and kind. */
static void check_damage(omp_servo_family family, uint8_t id, const byte_string *bytes) {
  for (size_t bit = 0; bit < 8 * bytes->count; bit++) {
    omp_servo_decoder decoder = {.family = family};
    omp_servo_packet packet;
    byte_string damaged = *bytes;
    damaged.at[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    for (size_t i = 0; i < damaged.count; i++) {
      const bool is_packet = omp_servo_push(&decoder, damaged.at[i], &packet);
      if (is_packet && packet.id == id && i + 1 == damaged.count && decoder.taken == bytes->count) fail("bit %zu was flipped unseen", bit);
    }
  }
}

static void check_packet(void) {
  const omp_servo_family family = strcmp(next_word(), "feetech") == 0 ? OMP_FEETECH : OMP_DYNAMIXEL;
  const bool is_host = strcmp(next_word(), "host") == 0;
  const uint8_t id = (uint8_t)next_number();
  const uint8_t code = (uint8_t)next_number();
  const byte_string params = next_bytes();
  const byte_string bytes = next_bytes();
  /* Several servos make the answer to a fast sync read together; nobody else can. */
  const bool is_fast = family == OMP_DYNAMIXEL && !is_host && id == OMP_SERVO_BROADCAST;
  if (!is_fast) check_encoding(family, is_host, id, code, &params, &bytes);
  check_decoding(family, is_host, id, code, &params, &bytes);
  check_damage(family, id, &bytes);
}

static void obey(const char *command) {
  if (strcmp(command, "packet") != 0) fail("unknown command \"%s\"", command);
  check_packet();
}

/* ---- The core as master ---- */

#define JOINT(joint_name, action)                                                                                       \
  {.name = joint_name,                                                                                                  \
   .min_position = -SIX_TURNS,                                                                                          \
   .max_position = SIX_TURNS,                                                                                           \
   .max_velocity = 3000000,                                                                                             \
   .max_acceleration = 20000000,                                                                                        \
   .defaults = {.fail_action = (action), .max_temperature = 70}}

static const omp_joint joints[SIM_SERVOS] = {
    JOINT("one", OMP_ACTION_HOLD), JOINT("two", OMP_ACTION_RELEASE), JOINT("three", OMP_ACTION_HOLD)};
static const omp_servo servos[SIM_SERVOS] = {{1, 2048, false}, {2, 2048, true}, {3, 0, false}};

static omp_core core;
static omp_servo_bus bus;
static servo_sim sim;
static uint8_t seq;

static void start(omp_servo_family family) {
  const omp_config config = {.joints = joints,
                             .joint_count = SIM_SERVOS,
                             .abilities = OMP_MEASURES_TEMPERATURE | OMP_MEASURES_VOLTAGE | OMP_CAN_RELEASE};
  const omp_servo_config servo_config = {.family = family, .servos = servos, .count = SIM_SERVOS};
  expect("the joint table's error", omp_core_init(&core, &config).error, OMP_TABLE_OK);
  omp_servo_bus_init(&bus, &servo_config);
  servo_sim_init(&sim, family);
  seq = 0;
}

static void tick(void) {
  uint8_t bytes[256];
  const omp_measurement measurement = omp_servo_bus_measure(&bus);
  omp_core_tick(&core, &measurement);
  omp_servo_bus_drive(&bus, &core);
  servo_sim_receive(&sim, bytes, omp_servo_bus_transmit(&bus, bytes, sizeof bytes));
  servo_sim_tick(&sim);
  omp_servo_bus_receive(&bus, bytes, servo_sim_transmit(&sim, bytes, sizeof bytes));
}

static void run(int ticks) {
  while (ticks-- > 0) tick();
}

static void receive(uint8_t type, const uint8_t *payload, size_t length) {
  uint8_t wire[OMP_MAX_WIRE];
  const uint32_t seed = type == OMP_HELLO ? 0 : core.schema_hash ^ core.session_id;
  omp_core_receive(&core, wire, omp_frame_encode(wire, type, ++seq, payload, length, seed), 0);
}

static void enable(void) {
  uint8_t hello[12] = {OMP_PROTOCOL_MAJOR};
  uint8_t payload[8] = {(1u << SIM_SERVOS) - 1u};
  omp_put_u32(hello + 4, SESSION);
  omp_put_u16(payload + 2, LEASE_MS);
  omp_put_u32(payload + 4, core.limits_crc);
  receive(OMP_HELLO, hello, sizeof hello);
  receive(OMP_ENABLE, payload, sizeof payload);
  expect("the mode after ENABLE", core.mode, OMP_MODE_HOLD);
}

static void run_alive(int ticks) {
  for (int i = 0; i < ticks; i++) {
    if (i % 20 == 0) receive(OMP_HEARTBEAT, NULL, 0);
    tick();
  }
}

/* Moves joint `j` by `counts` in one waypoint, which then stands. */
static void move(uint8_t j, int32_t counts) {
  uint8_t payload[12 + 2 * 4 * SIM_SERVOS] = {1, 0, 0, 1};
  omp_put_u32(payload + 4, core.path.tick + 600);
  omp_put_u16(payload + 8, 500);
  payload[10] = 2;
  payload[11] = (1u << SIM_SERVOS) - 1u;
  for (uint8_t i = 0; i < 2 * SIM_SERVOS; i++) {
    const uint8_t joint = i % SIM_SERVOS;
    omp_put_i32(payload + 12 + 4 * i, core.path.command[joint] + (joint == j ? counts : 0));
  }
  receive(OMP_TRAJ, payload, sizeof payload);
  expect("the mode after TRAJ", core.mode, OMP_MODE_RUN);
}

static void expect_near(const char *what, int64_t observed, int64_t expected, int64_t off) {
  const int64_t difference = observed - expected;
  expect(what, difference <= off && difference >= -off ? expected : observed, expected);
}

static void drive(omp_servo_family family) {
  start(family);
  expect("a command before any measurement", core.has_command, false);
  tick();
  expect("torque before any measurement", sim.servos[0].has_torque, false);
  run(20);
  expect("a command once the joints are known", core.has_command, true);
  for (size_t i = 0; i < SIM_SERVOS; i++) expect("torque", sim.servos[i].has_torque, true);
  /* 2048 steps are half a turn. */
  expect_near("joint one", core.path.command[0], (int64_t)(sim.servos[0].position - 2048) * 6283185 / 4096, 2000);
  expect_near("joint two, reversed", core.path.command[1], (int64_t)(2048 - sim.servos[1].position) * 6283185 / 4096, 2000);
  expect("the supply", core.supervisor.voltage, 12100);
  expect("a temperature", core.supervisor.temperature[1], 35);
  enable();
  const int32_t before[2] = {sim.servos[0].position, sim.servos[1].position};
  move(0, 500000);
  run_alive(1300);
  /* 500 mrad are 325.9 steps. */
  expect_near("servo one after the move", sim.servos[0].position, before[0] + 326, 1);
  move(1, 500000);
  run_alive(1300);
  expect_near("servo two after the move", sim.servos[1].position, before[1] - 326, 1);
  expect("answers that were missed", bus.counters.missing, 0);
  expect("answers that cannot be", bus.counters.implausible, 0);
}

/* What a Feetech servo lacks: the host dies, and nothing goes on. */
static void lose_host(omp_servo_family family) {
  start(family);
  run(20);
  enable();
  move(0, 500000);
  run_alive(300);
  run(LEASE_MS + 300);
  expect("the fault of a silent host", core.fault, OMP_FAULT_LEASE);
  const int32_t held = sim.servos[0].position;
  const int32_t released = sim.servos[1].position;
  const unsigned goals = sim.servos[1].goals_without_torque;
  run(200);
  expect("a joint that holds", sim.servos[0].position, held);
  expect("a joint that is released", sim.servos[1].has_torque, false);
  expect("how far it sank", sim.servos[1].position, released - 200);
  expect("goals that might give it torque", sim.servos[1].goals_without_torque, goals);
  expect("the joint beside it", sim.servos[2].has_torque, true);
}

static void lose_servo(omp_servo_family family) {
  start(family);
  run(20);
  enable();
  sim.servos[2].is_silent = true;
  run_alive(90);
  expect("the fault of a servo that is silent for a moment", core.fault, OMP_FAULT_NONE);
  run_alive(30);
  expect("the fault of a silent servo", core.fault, OMP_FAULT_BUS);
  expect("the reads of the others", core.supervisor.ticks[0].silent < OMP_FAULT_TICKS, true);
}

static void damage(omp_servo_family family) {
  start(family);
  run(20);
  enable();
  for (int i = 0; i < 40; i++) {
    sim.servos[i % SIM_SERVOS].is_damaged = true;
    run_alive(7);
    sim.servos[i % SIM_SERVOS].is_damaged = false;
    run_alive(7);
  }
  expect("the fault of single damaged answers", core.fault, OMP_FAULT_NONE);
  expect("whether damage was seen", bus.decoder.counters.damaged > 0, true);
  /* A servo that is suddenly elsewhere is not believed. */
  sim.servos[0].position += 900;
  sim.servos[0].goal = sim.servos[0].position;
  run_alive(6);
  expect("whether it was refused", bus.counters.implausible > 0, true);
}

static void overheat(omp_servo_family family) {
  start(family);
  run(20);
  enable();
  sim.servos[1].temperature = 71;
  run_alive(120);
  expect("the fault of a hot servo", core.fault, OMP_FAULT_TEMPERATURE);
}

static const struct {
  const char *name;
  void (*tell)(omp_servo_family family);
} stories[] = {
    {"driven", drive},   {"the host dies", lose_host}, {"a servo dies", lose_servo},
    {"damaged answers", damage}, {"a hot servo", overheat},
};

int main(int argc, char **argv) {
  if (argc != 2) {
    (void)fprintf(stderr, "usage: servo_test PACKETS\n");
    return 2;
  }
  lines_run(argv[1], obey);
  for (int family = OMP_FEETECH; family <= OMP_DYNAMIXEL; family++) {
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
      lines_name("%s, %s", family == OMP_FEETECH ? "feetech" : "dynamixel", stories[i].name);
      stories[i].tell((omp_servo_family)family);
    }
  }
  (void)printf("%lu checks of the servo bus\n", lines_checks());
  return 0;
}
