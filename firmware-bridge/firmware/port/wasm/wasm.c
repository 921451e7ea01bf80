/* The core as a freestanding WebAssembly module. Everything crosses as i32 and through the buffers below. */
#include "omp_core.h"
#include "so101_joints.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

enum { BUFFER_BYTES = 4096 };

static omp_core core;
static uint8_t input[BUFFER_BYTES];
static uint8_t output[BUFFER_BYTES];
static omp_measurement measurement;

/* `rows` is the address of `count` rows of OMP_MAX_JOINTS i32. */
IMPORT(observe)
extern void observe(uint32_t kind, uint32_t tick, uint32_t t0, uint32_t dt, uint32_t count, const void *rows);

static void forward(void *context, const omp_path_event *event) {
  (void)context;
  observe((uint32_t)event->kind, event->tick, event->t0, event->dt, event->count, event->rows);
}

static void init(uint32_t boot_id, const uint8_t *stored, size_t stored_bytes) {
  const omp_config config = {.joints = so101_joints,
                             .joint_count = SO101_JOINT_COUNT,
                             .abilities = OMP_ALL_ABILITIES,
                             .identity = {.boot_id = boot_id, .uid = {0x6f6d7057u, 0x61736d31u, 1}, .reset_cause = 1},
                             .stored = stored,
                             .stored_bytes = stored_bytes,
                             .observer = forward};
  (void)omp_core_init(&core, &config);
}

EXPORT(omp_wasm_init) void omp_wasm_init(uint32_t boot_id) { init(boot_id, NULL, 0); }
/* Boots with the first `count` bytes of the input buffer as the kept block. */
EXPORT(omp_wasm_init_stored) void omp_wasm_init_stored(uint32_t boot_id, uint32_t count) { init(boot_id, input, count); }
/* Bytes of the block to keep that were put into the output buffer. */
EXPORT(omp_wasm_store) uint32_t omp_wasm_store(void) { return (uint32_t)omp_core_store(&core, output); }

EXPORT(omp_wasm_input) uint8_t *omp_wasm_input(void) { return input; }
EXPORT(omp_wasm_output) uint8_t *omp_wasm_output(void) { return output; }
EXPORT(omp_wasm_buffer_bytes) uint32_t omp_wasm_buffer_bytes(void) { return BUFFER_BYTES; }
EXPORT(omp_wasm_measured) int32_t *omp_wasm_measured(void) { return measurement.position; }
EXPORT(omp_wasm_effort) int32_t *omp_wasm_effort(void) { return measurement.effort; }
EXPORT(omp_wasm_set_temperature) void omp_wasm_set_temperature(uint32_t joint, int32_t celsius) {
  measurement.temperature[joint % OMP_MAX_JOINTS] = (int16_t)celsius;
}
EXPORT(omp_wasm_set_voltage) void omp_wasm_set_voltage(uint32_t millivolts) { measurement.voltage = millivolts; }
EXPORT(omp_wasm_command) int32_t *omp_wasm_command(void) { return core.path.command; }
/* One byte a joint: 0 driven to its command, 1 damped, 2 released. */
EXPORT(omp_wasm_drive) uint8_t *omp_wasm_drive(void) { return core.drive; }
EXPORT(omp_wasm_joint_count) uint32_t omp_wasm_joint_count(void) { return core.config.joint_count; }
EXPORT(omp_wasm_row_joints) uint32_t omp_wasm_row_joints(void) { return OMP_MAX_JOINTS; }
EXPORT(omp_wasm_tick_hz) uint32_t omp_wasm_tick_hz(void) { return OMP_TICK_HZ; }

EXPORT(omp_wasm_tick) void omp_wasm_tick(uint32_t valid_mask) {
  measurement.valid_mask = valid_mask;
  omp_core_tick(&core, &measurement);
}

/* The first `count` bytes of the input buffer arrived. */
EXPORT(omp_wasm_receive) void omp_wasm_receive(uint32_t count, uint32_t sub_us) {
  omp_core_receive(&core, input, count < BUFFER_BYTES ? count : BUFFER_BYTES, (uint16_t)sub_us);
}

/* Bytes put into the output buffer. */
EXPORT(omp_wasm_transmit) uint32_t omp_wasm_transmit(void) { return (uint32_t)omp_core_transmit(&core, output, BUFFER_BYTES); }

static uint32_t fixed_seed(const void *context, uint8_t type) {
  return type == OMP_HELLO || type == OMP_IDENT || type == OMP_ESTOP ? 0 : *(const uint32_t *)context;
}

/*
 * Decodes the first `count` bytes of the input buffer apart from the controller, with a decoder that is new for each call. Every frame found
 * goes to the output buffer as its payload's length, type, sequence number and payload; returns the bytes put there.
 */
EXPORT(omp_wasm_decode) uint32_t omp_wasm_decode(uint32_t count, uint32_t seed) {
  omp_frame_decoder decoder = {0};
  omp_frame frame;
  uint32_t end = 0;
  for (uint32_t i = 0; i < count && i < BUFFER_BYTES; i++) {
    if (!omp_frame_push(&decoder, input[i], fixed_seed, &seed, &frame)) continue;
    if (end + 3 + frame.length > BUFFER_BYTES) break;
    output[end++] = (uint8_t)frame.length;
    output[end++] = frame.type;
    output[end++] = frame.seq;
    for (size_t at = 0; at < frame.length; at++) output[end++] = frame.payload[at];
  }
  return end;
}

EXPORT(omp_wasm_reopen) void omp_wasm_reopen(void) { omp_core_reopen(&core); }
EXPORT(omp_wasm_estop) void omp_wasm_estop(void) { omp_core_estop(&core); }
EXPORT(omp_wasm_now) uint32_t omp_wasm_now(void) { return core.path.tick; }
EXPORT(omp_wasm_set_now) void omp_wasm_set_now(uint32_t tick) { core.path.tick = tick; }
EXPORT(omp_wasm_mode) uint32_t omp_wasm_mode(void) { return core.mode; }
EXPORT(omp_wasm_fault) uint32_t omp_wasm_fault(void) { return core.fault; }
EXPORT(omp_wasm_session) uint32_t omp_wasm_session(void) { return core.session_id; }
EXPORT(omp_wasm_frames) uint32_t omp_wasm_frames(void) { return core.decoder.counters.frames; }
EXPORT(omp_wasm_oversized) uint32_t omp_wasm_oversized(void) { return core.decoder.counters.oversized; }
EXPORT(omp_wasm_undersized) uint32_t omp_wasm_undersized(void) { return core.decoder.counters.undersized; }
EXPORT(omp_wasm_miscoded) uint32_t omp_wasm_miscoded(void) { return core.decoder.counters.miscoded; }
EXPORT(omp_wasm_crc_errors) uint32_t omp_wasm_crc_errors(void) { return core.decoder.counters.crc_errors; }
EXPORT(omp_wasm_replayed) uint32_t omp_wasm_replayed(void) { return core.counters.replayed; }
