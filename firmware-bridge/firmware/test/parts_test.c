/*
 * Parts of the core by themselves. A joint table that cannot be one to move an arm by is refused, and a core that was given one stays
 * dead. The event queue keeps the oldest and numbers them without 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "omp_core.h"
#include "so101_joints.h"

static unsigned checks;

static void expect(const char *what, int observed, int expected) {
  checks++;
  if (observed == expected) return;
  (void)fprintf(stderr, "parts_test: %s is %d, expected %d\n", what, observed, expected);
  exit(1);
}

static omp_joint table[OMP_MAX_JOINTS + 1];
static omp_core core;

static omp_config_verdict init(uint8_t joint_count, uint8_t abilities) {
  const omp_config config = {.joints = table, .joint_count = joint_count, .abilities = abilities};
  return omp_core_init(&core, &config);
}

static void reset_table(void) {
  for (size_t j = 0; j <= OMP_MAX_JOINTS; j++) {
    table[j] = so101_joints[0];
    table[j].name[0] = (char)('a' + j);
  }
}

/* The table is wrong at joint 1; it is right again afterwards. */
static void expect_refused(const char *what, omp_table_error error) {
  const omp_config_verdict verdict = init(3, 0);
  expect(what, (int)verdict.error, (int)error);
  expect("the joint", verdict.joint, 1);
  reset_table();
  expect("the verdict on the table without it", (int)init(3, 0).error, OMP_TABLE_OK);
}

static void refuse_joints(void) {
  omp_joint *joint = &table[1];
  memset(joint->name, 0, sizeof joint->name);
  expect_refused("no name", OMP_TABLE_NAME);
  memcpy(joint->name, "el:bow", 7);
  expect_refused("a colon in the name", OMP_TABLE_NAME);
  joint->name[sizeof joint->name - 1] = 'x';
  expect_refused("letters behind the name", OMP_TABLE_NAME);
  memcpy(joint->name, table[0].name, sizeof joint->name);
  expect_refused("the name of another joint", OMP_TABLE_NAME);
  joint->kind = 2;
  expect_refused("a kind", OMP_TABLE_KIND);
  joint->min_position = joint->max_position;
  expect_refused("an empty range", OMP_TABLE_RANGE);
  joint->max_velocity = 0;
  expect_refused("no velocity", OMP_TABLE_VELOCITY);
  joint->max_velocity = OMP_MAX_VELOCITY + 1;
  joint->max_acceleration = UINT32_MAX;
  expect_refused("an absurd velocity", OMP_TABLE_VELOCITY);
  joint->max_acceleration = 0;
  expect_refused("no acceleration", OMP_TABLE_ACCELERATION);
  joint->max_velocity = 5000000;
  joint->max_acceleration = 999999;
  expect_refused("a brake of more than 5 s", OMP_TABLE_ACCELERATION);
  joint->defaults.fail_action = OMP_ACTION_DAMP;
  expect_refused("damping that no joint can do", OMP_TABLE_DEFAULTS);
  joint->defaults.fail_action = OMP_ACTION_RELEASE;
  expect_refused("letting go that no joint can do", OMP_TABLE_DEFAULTS);
  joint->defaults.fail_action = OMP_ACTION_RELEASE + 1;
  expect_refused("a fail action", OMP_TABLE_DEFAULTS);
  joint->defaults.following_error = UINT32_MAX;
  expect_refused("a following error", OMP_TABLE_DEFAULTS);
  joint->defaults.max_effort = 1;
  expect_refused("an effort that is not measured", OMP_TABLE_DEFAULTS);
  joint->defaults.max_temperature = 1;
  expect_refused("a temperature that is not measured", OMP_TABLE_DEFAULTS);
}

static void accept_edges(void) {
  table[1].max_velocity = OMP_MAX_VELOCITY;
  table[1].max_acceleration = OMP_MAX_VELOCITY / 5;
  table[1].min_position = INT32_MIN;
  table[1].max_position = INT32_MAX;
  table[1].defaults = (omp_joint_params){OMP_ACTION_RELEASE, UINT8_MAX, INT32_MAX, INT32_MAX};
  memset(table[1].name, 'Z', sizeof table[1].name);
  expect("the verdict on extremes", (int)init(OMP_MAX_JOINTS, OMP_ALL_ABILITIES).error, OMP_TABLE_OK);
  reset_table();
}

/* Even a port that did not look at the verdict cannot move anything. */
static void stay_dead(void) {
  const omp_measurement measurement = {.valid_mask = UINT32_MAX};
  uint8_t bytes[OMP_MAX_WIRE];
  uint8_t hello[12] = {OMP_PROTOCOL_MAJOR, 0, 0, 0, 1};
  expect("no joints", (int)init(0, 0).error, OMP_TABLE_JOINT_COUNT);
  expect("nine joints", (int)init(OMP_MAX_JOINTS + 1, 0).error, OMP_TABLE_JOINT_COUNT);
  const size_t count = omp_frame_encode(bytes, OMP_HELLO, 0, hello, sizeof hello, 0);
  for (int i = 0; i < 200; i++) {
    omp_core_tick(&core, &measurement);
    omp_core_receive(&core, bytes, count, 0);
    omp_core_estop(&core);
  }
  expect("the command of a dead core", core.has_command, false);
  expect("what a dead core sends", (int)omp_core_transmit(&core, bytes, sizeof bytes), 0);
  expect("what a dead core keeps", (int)omp_core_store(&core, bytes), 0);
}

static void queue_events(void) {
  omp_events events = {.last_id = UINT16_MAX - 2};
  const uint16_t ids[] = {65534, 65535, 1, 2, 3, 4, 5, 6};
  for (uint8_t i = 0; i < OMP_EVENT_DEPTH + 3; i++) omp_events_push(&events, (omp_event){.value = i});
  expect("events that were lost", events.lost, 3);
  for (int32_t i = 0; i < OMP_EVENT_DEPTH; i++) {
    const omp_event *oldest = omp_events_oldest(&events);
    expect("an event of a full queue", oldest == NULL, false);
    expect("the id", oldest->id, ids[i]);
    expect("the event", oldest->value, i);
    expect("another id", omp_events_acknowledge(&events, (uint16_t)(ids[i] + 1)), false);
    expect("its id", omp_events_acknowledge(&events, ids[i]), true);
  }
  expect("an event of an empty queue", omp_events_oldest(&events) != NULL, false);
  events.lost = UINT16_MAX;
  for (uint8_t i = 0; i <= OMP_EVENT_DEPTH; i++) omp_events_push(&events, (omp_event){0});
  expect("events that were lost, saturated", events.lost, UINT16_MAX);
}

int main(void) {
  reset_table();
  refuse_joints();
  accept_edges();
  stay_dead();
  queue_events();
  (void)printf("%u checks of parts\n", checks);
  return 0;
}
