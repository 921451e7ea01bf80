/* Staging, admission, interpolation and braking: PROTOCOL.md section 5, exact in 64-bit integers. */
#ifndef OMP_PATH_H
#define OMP_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "omp_joint.h"

enum { OMP_RING_DEPTH = 64, OMP_MAX_PARTS = 16, OMP_MAX_DT = 1000 };

typedef struct {
  uint32_t tick;
  int32_t position[OMP_MAX_JOINTS];
} omp_waypoint;

typedef struct {
  uint16_t id;
  uint8_t next_part;
  /* 0: nothing is staged. */
  uint8_t part_count;
  uint32_t t0;
  uint16_t dt;
  /* May exceed what is kept of `positions`; the chunk is then refused. */
  uint16_t count;
  int32_t positions[OMP_RING_DEPTH][OMP_MAX_JOINTS];
} omp_chunk;

typedef struct {
  bool is_active;
  uint32_t start_tick;
  uint32_t ticks;
  int32_t start[OMP_MAX_JOINTS];
  /* Counts/s. */
  int64_t velocity[OMP_MAX_JOINTS];
} omp_brake;

typedef enum { OMP_AT_REST, OMP_IN_SEGMENT, OMP_IN_BRAKE } omp_motion;

/* Why a chunk broke a limit. */
typedef struct {
  uint8_t joint;
  /* The velocity limit; else the position limit. */
  bool is_velocity;
  /* The waypoint's position, or the velocity in counts/s that it asks for. */
  int32_t value;
} omp_refusal;

typedef struct {
  const omp_joint *joints;
  uint8_t joint_count;
  uint32_t tick_hz;
  uint32_t tick;
  int32_t command[OMP_MAX_JOINTS];
  /* What `command` belongs to. Stays until the next tick, whatever is committed before it. */
  omp_motion motion;
  omp_waypoint segment_start;
  omp_waypoint segment_end;
  /* Where the segment to the ring's first waypoint begins. */
  omp_waypoint from;
  omp_waypoint ring[OMP_RING_DEPTH];
  uint16_t head;
  uint16_t count;
  omp_brake brake;
  omp_chunk staged;
  /* Of the last commit that answered LIMIT. */
  omp_refusal refusal;
} omp_path;

/* Header of a TRAJ part. */
typedef struct {
  uint16_t chunk_id;
  uint8_t part_index;
  uint8_t part_count;
  uint32_t t0;
  uint16_t dt;
  uint8_t count;
} omp_part;

/* At rest at zero. */
void omp_path_init(omp_path *path, const omp_joint *joints, uint8_t joint_count, uint32_t tick_hz);

/* At rest at `position`. */
void omp_path_rest_at(omp_path *path, const int32_t *position);

/* The next tick; true when the ring ran out at it. */
bool omp_path_advance(omp_path *path);

bool omp_path_is_moving(const omp_path *path);

/* Drops what was staged. */
void omp_path_unstage(omp_path *path);

/* Takes a part, `rows` [count][joint_count] little-endian; an ACK code: OK or RANGE. */
uint8_t omp_path_stage(omp_path *path, const omp_part *part, const uint8_t *rows);

bool omp_path_is_complete(const omp_path *path);

/* Commits or refuses the staged chunk whole; an ACK code: OK, LATE, RANGE, FULL or LIMIT. Nothing is staged afterwards. */
uint8_t omp_path_commit(omp_path *path, uint32_t min_lead, uint32_t max_lead);

/* Drops every waypoint and brakes; nothing when it brakes already. */
void omp_path_stop(omp_path *path);

#endif
