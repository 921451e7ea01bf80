#include "servo_sim.h"

#include <string.h>

#include "omp_bytes.h"

enum { SPEED = 8 };

void servo_sim_init(servo_sim *sim, omp_servo_family family) {
  memset(sim, 0, sizeof *sim);
  sim->family = family;
  sim->decoder.family = family;
  for (uint8_t i = 0; i < SIM_SERVOS; i++) {
    sim->servos[i] = (sim_servo){.id = (uint8_t)(i + 1), .position = 2000 + 100 * i, .voltage = 121, .temperature = 35};
  }
}

static sim_servo *servo_of(servo_sim *sim, uint8_t id) {
  for (size_t i = 0; i < SIM_SERVOS; i++) {
    if (sim->servos[i].id == id) return &sim->servos[i];
  }
  return NULL;
}

static void send(servo_sim *sim, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count && sim->count < SIM_LINE; i++) sim->line[sim->count++] = bytes[i];
}

static void put_state(const servo_sim *sim, const sim_servo *servo, uint8_t *state) {
  if (sim->family == OMP_DYNAMIXEL) {
    omp_put_i32(state, servo->position);
    state[12] = servo->voltage;
    state[14] = servo->temperature;
    return;
  }
  omp_put_u16(state, (uint16_t)(servo->position < 0 ? 0x8000 | -servo->position : servo->position));
  state[6] = servo->voltage;
  state[7] = servo->temperature;
}

static void answer(servo_sim *sim, sim_servo *servo, size_t length) {
  uint8_t packet[OMP_SERVO_PACKET];
  /* A Dynamixel status begins with its error, which the encoder takes for a parameter. */
  uint8_t params[1 + 16] = {0};
  const size_t lead = sim->family == OMP_DYNAMIXEL ? 1 : 0;
  put_state(sim, servo, params + lead);
  const uint8_t instruction = sim->family == OMP_DYNAMIXEL ? OMP_SERVO_STATUS : 0;
  const size_t count = omp_servo_encode(sim->family, packet, servo->id, instruction, params, lead + length);
  if (servo->is_damaged) packet[count / 2] ^= 0x10;
  if (!servo->is_silent) send(sim, packet, count);
}

static void write_register(servo_sim *sim, sim_servo *servo, uint8_t address, const uint8_t *data) {
  const bool is_dynamixel = sim->family == OMP_DYNAMIXEL;
  if (address == (is_dynamixel ? 64 : 40)) {
    servo->has_torque = data[0] == 1;
    return;
  }
  servo->goal = is_dynamixel ? omp_get_i32(data) : omp_get_u16(data);
  servo->has_goal = true;
  if (!servo->has_torque) servo->goals_without_torque++;
}

static void obey(servo_sim *sim, const omp_servo_packet *request) {
  const size_t word = sim->family == OMP_DYNAMIXEL ? 2 : 1;
  const uint8_t address = request->params[0];
  const size_t length = request->params[word];
  const uint8_t *at = request->params + 2 * word;
  const uint8_t *end = request->params + request->count;
  if (request->id != OMP_SERVO_BROADCAST) return;
  if (request->instruction == OMP_SERVO_SYNC_WRITE) {
    for (; at < end; at += 1 + length) {
      sim_servo *servo = servo_of(sim, *at);
      if (servo != NULL) write_register(sim, servo, address, at + 1);
    }
  } else if (request->instruction == OMP_SERVO_SYNC_READ) {
    sim->reads++;
    for (; at < end; at++) {
      sim_servo *servo = servo_of(sim, *at);
      if (servo != NULL) answer(sim, servo, length);
    }
  }
}

void servo_sim_receive(servo_sim *sim, const uint8_t *bytes, size_t count) {
  omp_servo_packet request;
  /* The line is shared: the master hears itself. */
  send(sim, bytes, count);
  for (size_t i = 0; i < count; i++) {
    if (omp_servo_push(&sim->decoder, bytes[i], &request)) obey(sim, &request);
  }
}

size_t servo_sim_transmit(servo_sim *sim, uint8_t *bytes, size_t capacity) {
  const size_t count = sim->count < capacity ? sim->count : capacity;
  memcpy(bytes, sim->line, count);
  sim->count -= count;
  memmove(sim->line, sim->line + count, sim->count);
  return count;
}

void servo_sim_tick(servo_sim *sim) {
  for (size_t i = 0; i < SIM_SERVOS; i++) {
    sim_servo *servo = &sim->servos[i];
    int32_t step = servo->has_torque && servo->has_goal ? servo->goal - servo->position : -1;
    if (step > SPEED) step = SPEED;
    if (step < -SPEED) step = -SPEED;
    servo->position += step;
  }
}
