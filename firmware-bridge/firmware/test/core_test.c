/*
 * The golden vectors on the native core. Lines of words as lines.h says:
 *
 *   crc32 BYTES SEED CRC
 *   joint NAME KIND MIN MAX VELOCITY ACCELERATION FAIL_ACTION TEMPERATURE EFFORT FOLLOWING_ERROR      the next of so101_joints
 *   schema SCHEMA_HASH LIMITS_CRC
 *   block BYTES                                   the parameter block of the joint table
 *   frame TYPE SEQ CRC_SEED PAYLOAD WIRE          encode it, and decode it
 *   stream SEED WIRE FOUND FRAMES OVERSIZED UNDERSIZED MISCODED CRC_ERRORS    FOUND: type, seq, length, payload of each
 *   boot BOOT_ID TICK                             a new controller
 *   measured [POSITION...]                        where the joints stand from now on; none: where they are commanded to
 *   run TICK                                      ticks up to it
 *   tick COMMAND...                               one tick and its command
 *   mode MODE
 *   receive BYTES
 *   transmit BYTES                                everything sent since the last time
 */
#include <stdio.h>
#include <string.h>

#include "lines.h"
#include "omp_core.h"
#include "omp_crc32.h"
#include "so101_joints.h"

static omp_core core;
static bool is_following;
static int32_t measured[OMP_MAX_JOINTS];
static uint8_t joints_compared;

/* ---- Frames ---- */

static void check_crc32(void) {
  const byte_string text = next_bytes();
  const uint32_t seed = (uint32_t)next_number();
  expect("crc", omp_crc32(seed, text.at, text.count), next_number());
}

static void check_joint(void) {
  if (joints_compared == SO101_JOINT_COUNT) fail("a joint too many");
  const omp_joint *joint = &so101_joints[joints_compared++];
  const char *name = next_word();
  if (strncmp(joint->name, name, OMP_JOINT_NAME) != 0) fail("the joint is not %s", name);
  expect("kind", joint->kind, next_number());
  expect("min_position", joint->min_position, next_number());
  expect("max_position", joint->max_position, next_number());
  expect("max_velocity", joint->max_velocity, next_number());
  expect("max_acceleration", joint->max_acceleration, next_number());
  expect("fail_action", joint->defaults.fail_action, next_number());
  expect("max_temperature", joint->defaults.max_temperature, next_number());
  expect("max_effort", joint->defaults.max_effort, next_number());
  expect("following_error", joint->defaults.following_error, next_number());
}

static void boot(uint32_t boot_id, uint32_t tick) {
  const omp_config config = {.joints = so101_joints,
                             .joint_count = SO101_JOINT_COUNT,
                             .abilities = OMP_ALL_ABILITIES,
                             .identity = {.boot_id = boot_id, .uid = {0x6f6d7057u, 0x61736d31u, 1}, .reset_cause = 1}};
  expect("the joint table's error", omp_core_init(&core, &config).error, OMP_TABLE_OK);
  core.path.tick = tick;
}

static void check_schema(void) {
  expect("joint count", joints_compared, SO101_JOINT_COUNT);
  boot(1, 0);
  expect("schema_hash", core.schema_hash, next_number());
  expect("limits_crc", core.limits_crc, next_number());
}

static void check_block(void) {
  const byte_string expected = next_bytes();
  byte_string saved = {.count = 0};
  boot(1, 0);
  saved.count = omp_params_save(&core.params, core.schema_hash, saved.at);
  expect_bytes("the parameter block", &saved, &expected);
}

/* `context` is the seed of every frame type. */
static uint32_t fixed_seed(const void *context, uint8_t type) {
  (void)type;
  return *(const uint32_t *)context;
}

/* `context` is the session's seed; PROTOCOL.md section 2. */
static uint32_t session_seed(const void *context, uint8_t type) {
  return type == OMP_HELLO || type == OMP_IDENT || type == OMP_ESTOP ? 0 : *(const uint32_t *)context;
}

static byte_string decode(omp_frame_decoder *decoder, const byte_string *wire, omp_frame_seed seed, uint32_t context) {
  byte_string found = {.count = 0};
  omp_frame frame;
  for (size_t i = 0; i < wire->count; i++) {
    if (!omp_frame_push(decoder, wire->at[i], seed, &context, &frame)) continue;
    const uint8_t header[3] = {frame.type, frame.seq, (uint8_t)frame.length};
    append(&found, header, sizeof header);
    append(&found, frame.payload, frame.length);
  }
  return found;
}

static void check_frame(void) {
  const uint8_t type = (uint8_t)next_number();
  const uint8_t seq = (uint8_t)next_number();
  const uint32_t seed = (uint32_t)next_number();
  const byte_string payload = next_bytes();
  const byte_string wire = next_bytes();
  byte_string encoded = {.count = 0};
  encoded.count = omp_frame_encode(encoded.at, type, seq, payload.at, payload.count, seed);
  expect_bytes("the wire", &encoded, &wire);
  byte_string whole = {.at = {type, seq, (uint8_t)payload.count}, .count = 3};
  append(&whole, payload.at, payload.count);
  omp_frame_decoder decoder = {.count = 0};
  const byte_string decoded = decode(&decoder, &wire, fixed_seed, seed);
  expect_bytes("the decoded frame", &decoded, &whole);
}

static void check_stream(void) {
  const uint32_t seed = (uint32_t)next_number();
  const byte_string wire = next_bytes();
  const byte_string found = next_bytes();
  omp_frame_decoder decoder = {.count = 0};
  const byte_string decoded = decode(&decoder, &wire, session_seed, seed);
  expect_bytes("what was found", &decoded, &found);
  expect("frames", decoder.counters.frames, next_number());
  expect("oversized", decoder.counters.oversized, next_number());
  expect("undersized", decoder.counters.undersized, next_number());
  expect("miscoded", decoder.counters.miscoded, next_number());
  expect("crc_errors", decoder.counters.crc_errors, next_number());
}

/* ---- A controller ---- */

static void measure(void) {
  const char *word = maybe_next_word();
  is_following = word == NULL;
  if (is_following) return;
  measured[0] = (int32_t)to_number(word);
  for (uint8_t j = 1; j < SO101_JOINT_COUNT; j++) measured[j] = (int32_t)next_number();
}

static void tick(void) {
  omp_measurement measurement = {.valid_mask = 0xffu};
  memcpy(measurement.position, is_following ? core.path.command : measured, sizeof measurement.position);
  omp_core_tick(&core, &measurement);
}

static void run_to(uint32_t last) {
  while (core.path.tick != last) tick();
}

static void check_tick(void) {
  tick();
  for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) expect(so101_joints[j].name, core.path.command[j], next_number());
}

static void receive(void) {
  const byte_string bytes = next_bytes();
  omp_core_receive(&core, bytes.at, bytes.count, 0);
}

static void check_transmit(void) {
  const byte_string expected = next_bytes();
  byte_string sent = {.count = 0};
  uint8_t piece[64];
  size_t count;
  while ((count = omp_core_transmit(&core, piece, sizeof piece)) > 0) append(&sent, piece, count);
  expect_bytes("what was sent", &sent, &expected);
}

static void boot_as_told(void) {
  const uint32_t boot_id = (uint32_t)next_number();
  boot(boot_id, (uint32_t)next_number());
}

static void run_as_told(void) { run_to((uint32_t)next_number()); }

static void check_mode(void) { expect("mode", core.mode, next_number()); }

static const struct {
  const char *name;
  void (*check)(void);
} commands[] = {
    {"crc32", check_crc32},       {"joint", check_joint}, {"schema", check_schema}, {"block", check_block},
    {"frame", check_frame},       {"stream", check_stream}, {"boot", boot_as_told},   {"measured", measure},
    {"run", run_as_told},         {"tick", check_tick},   {"mode", check_mode},     {"receive", receive},
    {"transmit", check_transmit},
};

static void obey(const char *command) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(command, commands[i].name) == 0) {
      commands[i].check();
      return;
    }
  }
  fail("unknown command \"%s\"", command);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    (void)fprintf(stderr, "usage: core_test VECTORS\n");
    return 2;
  }
  lines_run(argv[1], obey);
  (void)printf("%lu checks passed\n", lines_checks());
  return lines_checks() > 0 ? 0 : 1;
}
