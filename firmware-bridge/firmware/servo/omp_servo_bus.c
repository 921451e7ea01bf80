#include "omp_servo_bus.h"

#include "omp_bytes.h"

/* Registers of the STS3215 and of Dynamixel's X series, from their memory tables. */
typedef struct {
  uint8_t address_bytes;
  uint8_t torque;
  uint8_t goal;
  uint8_t goal_bytes;
  /* The block that is read, and where in it the values are. */
  uint8_t state;
  uint8_t state_bytes;
  uint8_t voltage_at;
  uint8_t temperature_at;
} register_map;

static const register_map maps[] = {
    [OMP_FEETECH] = {1, 40, 42, 2, 56, 8, 6, 7},
    [OMP_DYNAMIXEL] = {2, 64, 116, 4, 132, 15, 12, 14},
};

enum { COUNTS_PER_TURN = 6283185, FEETECH_SIGN = 0x8000, MILLIVOLTS = 100 };

static bool has_bit(uint8_t mask, uint8_t j) { return ((uint32_t)mask >> j & 1u) != 0; }

static const register_map *map_of(const omp_servo_bus *bus) { return &maps[bus->config.family]; }

void omp_servo_bus_init(omp_servo_bus *bus, const omp_servo_config *config) {
  *bus = (omp_servo_bus){.config = *config, .decoder = {.family = config->family}};
}

/* ---- Units ---- */

static int64_t divide_rounded(int64_t a, int64_t b) { return a < 0 ? -((-a + b / 2) / b) : (a + b / 2) / b; }

static int32_t to_counts(const omp_servo *servo, int32_t steps) {
  const int64_t moved = (int64_t)steps - servo->zero_steps;
  const int64_t counts = divide_rounded(moved * COUNTS_PER_TURN, OMP_SERVO_STEPS_PER_TURN);
  return (int32_t)(servo->is_reversed ? -counts : counts);
}

static int32_t to_steps(const omp_servo *servo, int32_t counts) {
  const int64_t moved = divide_rounded((int64_t)counts * OMP_SERVO_STEPS_PER_TURN, COUNTS_PER_TURN);
  return (int32_t)(servo->zero_steps + (servo->is_reversed ? -moved : moved));
}

static void put_goal(const omp_servo_bus *bus, uint8_t *bytes, int32_t steps) {
  if (bus->config.family == OMP_DYNAMIXEL) {
    omp_put_i32(bytes, steps);
    return;
  }
  const int32_t size = steps < 0 ? -steps : steps;
  const uint16_t limited = (uint16_t)(size < FEETECH_SIGN ? size : FEETECH_SIGN - 1);
  omp_put_u16(bytes, (uint16_t)(limited | (steps < 0 ? FEETECH_SIGN : 0)));
}

static int32_t get_steps(const omp_servo_bus *bus, const uint8_t *bytes) {
  if (bus->config.family == OMP_DYNAMIXEL) return omp_get_i32(bytes);
  const uint16_t word = omp_get_u16(bytes);
  const int32_t size = word & (FEETECH_SIGN - 1);
  return (word & FEETECH_SIGN) != 0 ? -size : size;
}

static uint32_t get_voltage(const omp_servo_bus *bus, const uint8_t *state) {
  const uint8_t *at = state + map_of(bus)->voltage_at;
  return (bus->config.family == OMP_DYNAMIXEL ? omp_get_u16(at) : *at) * (uint32_t)MILLIVOLTS;
}

/* ---- Requests ---- */

static void send(omp_servo_bus *bus, uint8_t instruction, const uint8_t *params, size_t count) {
  uint8_t packet[OMP_SERVO_PACKET];
  const size_t length = omp_servo_encode(bus->config.family, packet, OMP_SERVO_BROADCAST, instruction, params, count);
  for (size_t i = 0; i < length && bus->queue_count < OMP_SERVO_QUEUE; i++) {
    bus->queue[(bus->queue_head + bus->queue_count++) % OMP_SERVO_QUEUE] = packet[i];
  }
}

/* An address or a length, as wide as the family has it. */
static size_t put_word(const omp_servo_bus *bus, uint8_t *params, size_t at, uint8_t value) {
  params[at++] = value;
  if (map_of(bus)->address_bytes == 2) params[at++] = 0;
  return at;
}

static size_t begin_params(const omp_servo_bus *bus, uint8_t *params, uint8_t address, uint8_t bytes) {
  return put_word(bus, params, put_word(bus, params, 0, address), bytes);
}

static void write_goals(omp_servo_bus *bus, const int32_t *command) {
  const register_map *map = map_of(bus);
  uint8_t params[OMP_SERVO_PARAMS];
  size_t count = begin_params(bus, params, map->goal, map->goal_bytes);
  for (uint8_t j = 0; j < bus->config.count; j++) {
    if (!has_bit(bus->torque, j)) continue;
    params[count++] = bus->config.servos[j].id;
    put_goal(bus, params + count, to_steps(&bus->config.servos[j], command[j]));
    count += map->goal_bytes;
  }
  if (bus->torque != 0) send(bus, OMP_SERVO_SYNC_WRITE, params, count);
}

static void write_torque(omp_servo_bus *bus) {
  uint8_t params[OMP_SERVO_PARAMS];
  size_t count = begin_params(bus, params, map_of(bus)->torque, 1);
  for (uint8_t j = 0; j < bus->config.count; j++) {
    params[count++] = bus->config.servos[j].id;
    params[count++] = has_bit(bus->torque, j) ? 1 : 0;
  }
  send(bus, OMP_SERVO_SYNC_WRITE, params, count);
}

static void read_states(omp_servo_bus *bus) {
  const register_map *map = map_of(bus);
  uint8_t params[OMP_SERVO_PARAMS];
  size_t count = begin_params(bus, params, map->state, map->state_bytes);
  for (uint8_t j = 0; j < bus->config.count; j++) params[count++] = bus->config.servos[j].id;
  omp_servo_reset(&bus->decoder);
  send(bus, OMP_SERVO_SYNC_READ, params, count);
  bus->awaited = (uint8_t)((1u << bus->config.count) - 1u);
  bus->read_ticks = 0;
}

/* ---- Cycle ---- */

static uint8_t wanted_torque(const omp_servo_bus *bus, const omp_core *core) {
  uint8_t torque = 0;
  for (uint8_t j = 0; j < bus->config.count; j++) {
    if (core->drive[j] == OMP_ACTION_HOLD) torque |= (uint8_t)(1u << j);
  }
  return torque;
}

static void count_missing(omp_servo_bus *bus) {
  for (uint8_t j = 0; j < bus->config.count; j++) {
    if (has_bit(bus->awaited, j)) bus->counters.missing++;
  }
}

void omp_servo_bus_drive(omp_servo_bus *bus, const omp_core *core) {
  bus->tick++;
  if (bus->queue_count > 0) return;
  if (bus->awaited != 0 && ++bus->read_ticks < OMP_SERVO_READ_TICKS) return;
  count_missing(bus);
  bus->counters.cycles++;
  /* Until the joints have been measured they are left as they are. */
  if (core->has_command) {
    const uint8_t torque = wanted_torque(bus, core);
    if (torque != bus->torque || !bus->has_torque) bus->torque_writes = OMP_SERVO_TORQUE_WRITES;
    bus->torque = torque;
    bus->has_torque = true;
    /* Goals first: a servo that gets torque goes to the goal it has. */
    write_goals(bus, core->path.command);
    if (bus->torque_writes > 0) {
      bus->torque_writes--;
      write_torque(bus);
    }
  }
  read_states(bus);
}

/* Whether the servo can have got there since it was seen last. */
static bool is_plausible(omp_servo_bus *bus, uint8_t j, int32_t steps) {
  const int64_t elapsed = (int64_t)(uint32_t)(bus->tick - bus->steps_tick[j]) + 1;
  const int64_t moved = (int64_t)steps - bus->steps[j];
  const bool is_known = has_bit(bus->known, j);
  if (is_known && (moved < 0 ? -moved : moved) > elapsed * OMP_SERVO_STEPS_PER_TICK) {
    bus->counters.implausible++;
    return false;
  }
  bus->known |= (uint8_t)(1u << j);
  bus->steps[j] = steps;
  bus->steps_tick[j] = bus->tick;
  return true;
}

static void take_state(omp_servo_bus *bus, uint8_t j, const uint8_t *state) {
  omp_measurement *measurement = &bus->measurement;
  const int32_t steps = get_steps(bus, state);
  if (!is_plausible(bus, j, steps)) return;
  const uint32_t voltage = get_voltage(bus, state);
  if (measurement->valid_mask == 0 || voltage < measurement->voltage) measurement->voltage = voltage;
  measurement->valid_mask |= 1u << j;
  measurement->position[j] = to_counts(&bus->config.servos[j], steps);
  measurement->temperature[j] = state[map_of(bus)->temperature_at];
}

static void take_packet(omp_servo_bus *bus, const omp_servo_packet *packet) {
  if (bus->config.family == OMP_DYNAMIXEL && packet->instruction != OMP_SERVO_STATUS) return;
  if (packet->count != map_of(bus)->state_bytes) return;
  for (uint8_t j = 0; j < bus->config.count; j++) {
    if (bus->config.servos[j].id != packet->id || !has_bit(bus->awaited, j)) continue;
    bus->awaited = (uint8_t)(bus->awaited & ~(1u << j));
    take_state(bus, j, packet->params);
  }
}

void omp_servo_bus_receive(omp_servo_bus *bus, const uint8_t *bytes, size_t count) {
  omp_servo_packet packet;
  for (size_t i = 0; i < count; i++) {
    if (omp_servo_push(&bus->decoder, bytes[i], &packet)) take_packet(bus, &packet);
  }
}

omp_measurement omp_servo_bus_measure(omp_servo_bus *bus) {
  const omp_measurement taken = bus->measurement;
  bus->measurement.valid_mask = 0;
  return taken;
}

size_t omp_servo_bus_transmit(omp_servo_bus *bus, uint8_t *bytes, size_t capacity) {
  size_t count = 0;
  while (count < capacity && bus->queue_count > 0) {
    bytes[count++] = bus->queue[bus->queue_head];
    bus->queue_head = (bus->queue_head + 1) % OMP_SERVO_QUEUE;
    bus->queue_count--;
  }
  return count;
}
