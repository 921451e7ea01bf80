/* Little-endian integers in byte buffers. */
#ifndef OMP_BYTES_H
#define OMP_BYTES_H

#include <stdint.h>

static inline uint16_t omp_get_u16(const uint8_t *bytes) {
  return (uint16_t)(bytes[0] | ((uint16_t)bytes[1] << 8));
}

static inline uint32_t omp_get_u32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8) | ((uint32_t)bytes[2] << 16) | ((uint32_t)bytes[3] << 24);
}

static inline int32_t omp_get_i32(const uint8_t *bytes) { return (int32_t)omp_get_u32(bytes); }

static inline void omp_put_u16(uint8_t *bytes, uint16_t value) {
  bytes[0] = (uint8_t)value;
  bytes[1] = (uint8_t)(value >> 8);
}

static inline void omp_put_u32(uint8_t *bytes, uint32_t value) {
  omp_put_u16(bytes, (uint16_t)value);
  omp_put_u16(bytes + 2, (uint16_t)(value >> 16));
}

static inline void omp_put_i32(uint8_t *bytes, int32_t value) { omp_put_u32(bytes, (uint32_t)value); }

/* `a - b` of two wrapping ticks: negative when `a` is before `b`. */
static inline int32_t omp_tick_diff(uint32_t a, uint32_t b) { return (int32_t)(a - b); }

#endif
