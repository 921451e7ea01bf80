#include "motor_bus.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "omp_bytes.h"

enum { HEADER_BYTES = 8, COMMAND_HEADER_BYTES = 12 };

void motor_bus_init(motor_bus *bus, int in, int out, uint8_t joint_count) {
  *bus = (motor_bus){.in = in, .out = out, .joint_count = joint_count};
  (void)fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
  (void)fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
}

void motor_bus_command(motor_bus *bus, uint32_t tick, const int32_t *command, const uint8_t *drive) {
  uint8_t record[COMMAND_HEADER_BYTES + 4 * OMP_MAX_JOINTS];
  const size_t length = COMMAND_HEADER_BYTES + 4u * bus->joint_count;
  uint32_t drives = 0;
  for (uint8_t j = 0; j < bus->joint_count; j++) {
    drives |= (uint32_t)drive[j] << (2 * j);
    omp_put_i32(record + COMMAND_HEADER_BYTES + 4u * j, command[j]);
  }
  omp_put_u32(record, tick);
  omp_put_u32(record + 4, bus->joint_count);
  omp_put_u32(record + 8, drives);
  /* A pipe takes a record of less than PIPE_BUF bytes whole or not at all. */
  if (write(bus->out, record, length) == (ssize_t)length) return;
  bus->commands_dropped++;
  if (errno != EAGAIN) bus->is_closed = true;
}

static void take_record(motor_bus *bus) {
  for (uint8_t j = 0; j < bus->joint_count; j++) bus->measured[j] = omp_get_i32(bus->bytes + HEADER_BYTES + 4u * j);
  bus->fresh_mask = (1u << bus->joint_count) - 1u;
}

void motor_bus_poll(motor_bus *bus) {
  const size_t length = HEADER_BYTES + 4u * bus->joint_count;
  for (;;) {
    const ssize_t got = read(bus->in, bus->bytes + bus->count, length - bus->count);
    if (got == 0) bus->is_closed = true;
    if (got <= 0) return;
    bus->count += (size_t)got;
    if (bus->count < length) continue;
    bus->count = 0;
    take_record(bus);
  }
}

uint32_t motor_bus_take(motor_bus *bus) {
  const uint32_t mask = bus->fresh_mask;
  bus->fresh_mask = 0;
  return mask;
}
