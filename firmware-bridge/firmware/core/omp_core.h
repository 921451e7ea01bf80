/*
 * The motor controller of PROTOCOL.md: session, modes, lease, faults, events, parameters and the path. No allocation, no I/O, no clock of
 * its own; one caller-owned struct holds all of it. A port calls, in this order and from one thread:
 *
 *   omp_core_tick      once every 1 / OMP_TICK_HZ s
 *   omp_core_receive   with whatever the line delivered since
 *   omp_core_transmit  until it returns 0
 *   omp_core_store     and keeps what it returns
 */
#ifndef OMP_CORE_H
#define OMP_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omp_codes.h"
#include "omp_events.h"
#include "omp_frame.h"
#include "omp_joint.h"
#include "omp_params.h"
#include "omp_path.h"
#include "omp_supervisor.h"

enum {
  OMP_PROTOCOL_MAJOR = 1,
  OMP_PROTOCOL_MINOR = 0,
  OMP_TICK_HZ = 1000,
  OMP_MIN_LEAD = 2,
  OMP_MAX_LEAD = 2000,
  OMP_MIN_LEASE_MS = 20,
  OMP_MAX_LEASE_MS = 1000,
  /* Ticks between two sendings of an event that is not acknowledged. */
  OMP_EVENT_RETRY_TICKS = 100,
  OMP_TRANSMIT_BYTES = 2048,
  OMP_FIRMWARE_VERSION = 0x00010000,
};

typedef struct {
  /* Another value after every reset. */
  uint32_t boot_id;
  uint32_t uid[3];
  uint8_t reset_cause;
} omp_identity;

/* What shaped the path, for logs and tests. */
typedef enum { OMP_PATH_COMMIT = 1, OMP_PATH_ENABLE = 2, OMP_PATH_BRAKE = 3 } omp_path_event_kind;

/* `rows` [count][joint_count]: the chunk's waypoints, the command at ENABLE, nothing at BRAKE. Valid during the call. */
typedef struct {
  omp_path_event_kind kind;
  uint32_t tick;
  uint32_t t0;
  uint16_t dt;
  uint16_t count;
  const int32_t (*rows)[OMP_MAX_JOINTS];
} omp_path_event;

typedef void (*omp_observer)(void *context, const omp_path_event *event);

typedef struct {
  /* Must outlive the core. */
  const omp_joint *joints;
  uint8_t joint_count;
  /* OMP_MEASURES_…, OMP_CAN_… */
  uint8_t abilities;
  omp_identity identity;
  /* The block that omp_core_store gave before the reset; NULL when none was ever kept. Read during omp_core_init. */
  const uint8_t *stored;
  size_t stored_bytes;
  /* May be NULL. */
  omp_observer observer;
  void *observer_context;
} omp_config;

/* Why a joint table was refused. */
typedef struct {
  omp_table_error error;
  uint8_t joint;
} omp_config_verdict;

typedef struct {
  /* Frames dropped for their sequence number. */
  uint32_t replayed;
  uint32_t chunks_committed;
  uint32_t chunks_refused;
  /* Frames that found no room in the transmit buffer. */
  uint32_t transmit_dropped;
} omp_core_counters;

typedef struct {
  omp_config config;
  uint32_t schema_hash;
  uint32_t limits_crc;
  omp_params params;
  /* PARAM_SET changed them since the last omp_core_store. */
  bool has_unstored_params;

  omp_frame_decoder decoder;
  omp_core_counters counters;
  uint8_t transmit[OMP_TRANSMIT_BYTES];
  size_t transmit_head;
  size_t transmit_count;

  /* 0: no session. */
  uint32_t session_id;
  uint32_t features;
  uint8_t rx_seq;
  uint8_t tx_seq;
  uint16_t state_period;
  uint32_t state_tick;

  omp_events events;
  /* The oldest event was sent in this session, last at `event_tick`. */
  bool is_event_sent;
  uint32_t event_tick;

  uint8_t mode;
  uint8_t fault;
  uint16_t fault_nonce;
  bool ran_out;
  uint16_t lease_ms;
  uint32_t lease_left_ticks;
  uint16_t chunk_id;
  uint16_t sub_us;

  omp_path path;
  omp_supervisor supervisor;
  /* False from boot until every joint has been measured once; the outputs then start where the joints are. */
  bool has_command;
  /* OMP_ACTION_HOLD: joint j is driven to `path.command[j]`. Else it is damped or released. */
  uint8_t drive[OMP_MAX_JOINTS];
} omp_core;

/*
 * Any verdict but OMP_TABLE_OK: the table is not one to move an arm by. The core then takes no frame, sends none and has no command; the
 * port should say so where it can and go no further.
 */
omp_config_verdict omp_core_init(omp_core *core, const omp_config *config);

/*
 * One tick. Afterwards, once `core->has_command`, the port must treat every joint j as `core->drive[j]` says; before that the joints must
 * be left alone.
 */
void omp_core_tick(omp_core *core, const omp_measurement *measurement);

/* Bytes that arrived, `sub_us` after the tick began. */
void omp_core_receive(omp_core *core, const uint8_t *bytes, size_t count, uint16_t sub_us);

/* Forgets the half frame and the unsent bytes of a line that was opened anew; session and motion go on. */
void omp_core_reopen(omp_core *core);

/* Takes at most `capacity` bytes that want to leave. */
size_t omp_core_transmit(omp_core *core, uint8_t *bytes, size_t capacity);

/* The parameter block to keep across resets, in `bytes` [OMP_MAX_STORED], when it has changed; else 0. Only in IDLE, at rest. */
size_t omp_core_store(omp_core *core, uint8_t *bytes);

/* The emergency input. */
void omp_core_estop(omp_core *core);

#endif
