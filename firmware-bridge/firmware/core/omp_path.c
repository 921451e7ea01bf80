#include "omp_path.h"

#include "omp_bytes.h"
#include "omp_codes.h"

static int64_t magnitude(int64_t value) { return value < 0 ? -value : value; }

static int32_t saturate(int64_t value) {
  if (value > INT32_MAX) return INT32_MAX;
  return value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

static omp_waypoint *ring_at(omp_path *path, uint16_t index) {
  return &path->ring[(path->head + index) % OMP_RING_DEPTH];
}

void omp_path_init(omp_path *path, const omp_joint *joints, uint8_t joint_count, uint32_t tick_hz) {
  *path = (omp_path){0};
  path->joints = joints;
  path->joint_count = joint_count;
  path->tick_hz = tick_hz;
}

void omp_path_rest_at(omp_path *path, const int32_t *position) {
  path->count = 0;
  path->brake.is_active = false;
  path->motion = OMP_AT_REST;
  for (uint8_t j = 0; j < path->joint_count; j++) path->command[j] = position[j];
}

bool omp_path_is_moving(const omp_path *path) { return path->motion != OMP_AT_REST; }

/* Brakes from the current command with the velocity of the segment it belongs to. */
static void start_brake(omp_path *path) {
  omp_brake *brake = &path->brake;
  const int64_t segment = omp_tick_diff(path->segment_end.tick, path->segment_start.tick);
  int64_t ticks = 0;
  for (uint8_t j = 0; j < path->joint_count; j++) {
    const int64_t delta = (int64_t)path->segment_end.position[j] - path->segment_start.position[j];
    const int64_t acceleration = path->joints[j].max_acceleration;
    brake->velocity[j] = delta * path->tick_hz / segment;
    brake->start[j] = path->command[j];
    const int64_t own = (magnitude(brake->velocity[j]) * path->tick_hz + acceleration - 1) / acceleration;
    if (own > ticks) ticks = own;
  }
  brake->start_tick = path->tick;
  brake->ticks = (uint32_t)ticks;
  brake->is_active = ticks > 0;
  path->motion = brake->is_active ? OMP_IN_BRAKE : OMP_AT_REST;
}

static void drive_brake(omp_path *path) {
  omp_brake *brake = &path->brake;
  const int64_t k = omp_tick_diff(path->tick, brake->start_tick);
  const int64_t total = brake->ticks;
  for (uint8_t j = 0; j < path->joint_count; j++) {
    const omp_joint *joint = &path->joints[j];
    const int64_t step = brake->velocity[j] * k * (2 * total - k) / (2 * total * path->tick_hz);
    const int64_t start = brake->start[j];
    const int64_t low = start < joint->min_position ? start : joint->min_position;
    const int64_t high = start > joint->max_position ? start : joint->max_position;
    int64_t position = start + step;
    if (position < low) position = low;
    if (position > high) position = high;
    path->command[j] = (int32_t)position;
  }
  brake->is_active = k < total;
  path->motion = brake->is_active ? OMP_IN_BRAKE : OMP_AT_REST;
}

bool omp_path_advance(omp_path *path) {
  path->tick++;
  if (path->brake.is_active) {
    drive_brake(path);
    return false;
  }
  path->motion = OMP_AT_REST;
  const int64_t elapsed = omp_tick_diff(path->tick, path->from.tick);
  if (path->count == 0 || elapsed <= 0) return false;
  path->motion = OMP_IN_SEGMENT;
  path->segment_start = path->from;
  path->segment_end = *ring_at(path, 0);
  const int64_t segment = omp_tick_diff(path->segment_end.tick, path->from.tick);
  for (uint8_t j = 0; j < path->joint_count; j++) {
    const int64_t start = path->from.position[j];
    path->command[j] = (int32_t)(start + (path->segment_end.position[j] - start) * elapsed / segment);
  }
  if (elapsed < segment) return false;
  path->from = path->segment_end;
  path->head = (uint16_t)((path->head + 1) % OMP_RING_DEPTH);
  path->count--;
  if (path->count > 0) return false;
  start_brake(path);
  return true;
}

void omp_path_unstage(omp_path *path) { path->staged.part_count = 0; }

static bool continues_staged(const omp_chunk *staged, const omp_part *part) {
  return staged->part_count > 0 && part->part_index == staged->next_part && part->part_count == staged->part_count &&
         part->chunk_id == staged->id && part->t0 == staged->t0 && part->dt == staged->dt;
}

uint8_t omp_path_stage(omp_path *path, const omp_part *part, const uint8_t *rows) {
  omp_chunk *staged = &path->staged;
  if (part->part_index == 0) {
    staged->id = part->chunk_id;
    staged->next_part = 0;
    staged->part_count = part->part_count;
    staged->t0 = part->t0;
    staged->dt = part->dt;
    staged->count = 0;
  }
  const bool is_valid = part->count > 0 && part->part_count > 0 && part->part_count <= OMP_MAX_PARTS &&
                        part->part_index < part->part_count && part->dt > 0 && part->dt <= OMP_MAX_DT;
  if (!is_valid || !continues_staged(staged, part)) {
    omp_path_unstage(path);
    return OMP_ACK_RANGE;
  }
  for (uint8_t row = 0; row < part->count; row++, staged->count++) {
    if (staged->count >= OMP_RING_DEPTH) continue;
    for (uint8_t j = 0; j < path->joint_count; j++) {
      staged->positions[staged->count][j] = omp_get_i32(rows);
      rows += 4;
    }
  }
  staged->next_part++;
  return OMP_ACK_OK;
}

bool omp_path_is_complete(const omp_path *path) {
  return path->staged.part_count > 0 && path->staged.next_part == path->staged.part_count;
}

/* Waypoints due before `cut`. */
static uint16_t count_kept(omp_path *path, uint32_t cut) {
  uint16_t kept = 0;
  while (kept < path->count && omp_tick_diff(ring_at(path, kept)->tick, cut) < 0) kept++;
  return kept;
}

/* Where the first new segment begins. */
static omp_waypoint junction_of(omp_path *path, uint16_t kept, const omp_chunk *chunk) {
  if (kept > 0) return *ring_at(path, (uint16_t)(kept - 1));
  omp_waypoint junction = {.tick = path->tick};
  const uint32_t ramp_start = chunk->t0 - chunk->dt;
  if (!omp_path_is_moving(path) && omp_tick_diff(ramp_start, path->tick) > 0) junction.tick = ramp_start;
  for (uint8_t j = 0; j < path->joint_count; j++) junction.position[j] = path->command[j];
  return junction;
}

/* Judges the step of joint `j` to `next` within `ticks`; a broken limit is noted. */
static bool is_step_allowed(omp_path *path, uint8_t j, int64_t last, int64_t next, int64_t ticks) {
  const omp_joint *joint = &path->joints[j];
  if (next < joint->min_position || next > joint->max_position) {
    path->refusal = (omp_refusal){.joint = j, .value = (int32_t)next};
    return false;
  }
  const int64_t reach = (next - last) * path->tick_hz;
  if (magnitude(reach) > (int64_t)joint->max_velocity * ticks) {
    path->refusal = (omp_refusal){.joint = j, .is_velocity = true, .value = saturate(reach / ticks)};
    return false;
  }
  return true;
}

static bool is_within_limits(omp_path *path, const omp_waypoint *junction, const omp_chunk *chunk) {
  for (uint8_t j = 0; j < path->joint_count; j++) {
    int64_t last = junction->position[j];
    int64_t ticks = omp_tick_diff(chunk->t0, junction->tick);
    for (uint16_t row = 0; row < chunk->count; row++) {
      if (!is_step_allowed(path, j, last, chunk->positions[row][j], ticks)) return false;
      last = chunk->positions[row][j];
      ticks = chunk->dt;
    }
  }
  return true;
}

uint8_t omp_path_commit(omp_path *path, uint32_t min_lead, uint32_t max_lead) {
  const omp_chunk *chunk = &path->staged;
  const int32_t lead = omp_tick_diff(chunk->t0, path->tick);
  omp_path_unstage(path);
  if (lead < (int32_t)min_lead) return OMP_ACK_LATE;
  if (lead > (int32_t)max_lead) return OMP_ACK_RANGE;
  const uint16_t kept = count_kept(path, chunk->t0 - chunk->dt / 2u);
  if (kept + chunk->count > OMP_RING_DEPTH) return OMP_ACK_FULL;
  const omp_waypoint junction = junction_of(path, kept, chunk);
  if (!is_within_limits(path, &junction, chunk)) return OMP_ACK_LIMIT;
  if (kept == 0) path->from = junction;
  path->count = kept;
  path->brake.is_active = false;
  for (uint16_t row = 0; row < chunk->count; row++) {
    omp_waypoint *waypoint = ring_at(path, path->count);
    waypoint->tick = chunk->t0 + (uint32_t)row * chunk->dt;
    for (uint8_t j = 0; j < path->joint_count; j++) waypoint->position[j] = chunk->positions[row][j];
    path->count++;
  }
  return OMP_ACK_OK;
}

void omp_path_stop(omp_path *path) {
  omp_path_unstage(path);
  path->count = 0;
  if (path->motion == OMP_IN_SEGMENT) start_brake(path);
  /* A chunk of this tick may have ended the braking. */
  if (path->motion == OMP_IN_BRAKE) path->brake.is_active = true;
}
