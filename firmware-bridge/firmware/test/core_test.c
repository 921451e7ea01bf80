/*
 * The golden vectors on the native core. Reads lines of words; bytes are hex, "-" is no bytes, numbers are decimal:
 *
 *   case WORD...                                  names what follows in the report
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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "omp_core.h"
#include "omp_crc32.h"
#include "so101_joints.h"

enum { MAX_LINE = 1 << 15, MAX_BYTES = 1 << 13, MAX_CASE = 256 };

typedef struct {
  uint8_t at[MAX_BYTES];
  size_t count;
} byte_string;

static char case_name[MAX_CASE];
static unsigned long line_number;
static unsigned long checks;

static omp_core core;
static bool is_following;
static int32_t measured[OMP_MAX_JOINTS];
static uint8_t joints_compared;

static void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  (void)fprintf(stderr, "core_test: line %lu, %s: ", line_number, case_name);
  (void)vfprintf(stderr, format, values);
  (void)fprintf(stderr, "\n");
  va_end(values);
  exit(1);
}

static void expect(const char *what, int64_t observed, int64_t expected) {
  checks++;
  if (observed != expected) fail("%s is %lld, expected %lld", what, (long long)observed, (long long)expected);
}

static void print_bytes(const char *label, const byte_string *bytes) {
  (void)fprintf(stderr, "core_test: %s ", label);
  for (size_t i = 0; i < bytes->count; i++) (void)fprintf(stderr, "%02x", (unsigned)bytes->at[i]);
  (void)fprintf(stderr, "\n");
}

static void expect_bytes(const char *what, const byte_string *observed, const byte_string *expected) {
  checks++;
  if (observed->count == expected->count && memcmp(observed->at, expected->at, expected->count) == 0) return;
  print_bytes("observed", observed);
  print_bytes("expected", expected);
  fail("%s differs", what);
}

/* ---- Words of the line ---- */

static const char *next_word(void) {
  const char *word = strtok(NULL, " \n");
  if (word == NULL) fail("a word is missing");
  return word;
}

static int64_t to_number(const char *word) {
  char *end;
  const long long value = strtoll(word, &end, 10);
  if (*end != '\0') fail("\"%s\" is no number", word);
  return value;
}

static int64_t next_number(void) { return to_number(next_word()); }

static uint8_t digit_of(char digit) {
  const char *digits = "0123456789abcdef";
  const char *found = strchr(digits, digit);
  if (digit == '\0' || found == NULL) fail("'%c' is no hex digit", digit);
  return (uint8_t)(found - digits);
}

static void append(byte_string *bytes, const uint8_t *from, size_t count) {
  if (bytes->count + count > MAX_BYTES) fail("more than %d bytes", MAX_BYTES);
  memcpy(bytes->at + bytes->count, from, count);
  bytes->count += count;
}

static byte_string next_bytes(void) {
  byte_string bytes = {.count = 0};
  const char *word = next_word();
  if (strcmp(word, "-") == 0) return bytes;
  for (; *word != '\0'; word += 2) {
    const uint8_t byte = (uint8_t)(digit_of(word[0]) << 4 | digit_of(word[1]));
    append(&bytes, &byte, 1);
  }
  return bytes;
}

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
                             .measures = OMP_MEASURES_EFFORT | OMP_MEASURES_TEMPERATURE | OMP_MEASURES_VOLTAGE,
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
  const char *word = strtok(NULL, " \n");
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

static void obey(const char *command) {
  if (strcmp(command, "case") == 0) {
    (void)snprintf(case_name, sizeof case_name, "%s", strtok(NULL, "\n"));
    return;
  } else if (strcmp(command, "crc32") == 0) {
    check_crc32();
  } else if (strcmp(command, "joint") == 0) {
    check_joint();
  } else if (strcmp(command, "schema") == 0) {
    check_schema();
  } else if (strcmp(command, "block") == 0) {
    check_block();
  } else if (strcmp(command, "frame") == 0) {
    check_frame();
  } else if (strcmp(command, "stream") == 0) {
    check_stream();
  } else if (strcmp(command, "boot") == 0) {
    const uint32_t boot_id = (uint32_t)next_number();
    boot(boot_id, (uint32_t)next_number());
  } else if (strcmp(command, "measured") == 0) {
    measure();
  } else if (strcmp(command, "run") == 0) {
    run_to((uint32_t)next_number());
  } else if (strcmp(command, "tick") == 0) {
    check_tick();
  } else if (strcmp(command, "mode") == 0) {
    expect("mode", core.mode, next_number());
  } else if (strcmp(command, "receive") == 0) {
    receive();
  } else if (strcmp(command, "transmit") == 0) {
    check_transmit();
  } else {
    fail("unknown command \"%s\"", command);
  }
  if (strtok(NULL, " \n") != NULL) fail("a word too many for \"%s\"", command);
}

int main(int argc, char **argv) {
  static char line[MAX_LINE];
  FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (file == NULL) {
    (void)fprintf(stderr, "usage: core_test VECTORS\n");
    return 2;
  }
  while (fgets(line, sizeof line, file) != NULL) {
    line_number++;
    if (strchr(line, '\n') == NULL) fail("the line is longer than %d bytes", MAX_LINE);
    const char *command = strtok(line, " \n");
    if (command != NULL) obey(command);
  }
  (void)fclose(file);
  (void)printf("%lu checks passed in %lu lines\n", checks, line_number);
  return checks > 0 ? 0 : 1;
}
