/* Frames of PROTOCOL.md section 2: COBS( type | seq | payload | crc ) 00. */
#ifndef OMP_FRAME_H
#define OMP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  OMP_MAX_PAYLOAD = 248,
  OMP_MIN_BODY = 6,
  OMP_MAX_BODY = OMP_MAX_PAYLOAD + OMP_MIN_BODY,
  OMP_MAX_ENCODED = OMP_MAX_BODY + 1,
  /* With the delimiter. */
  OMP_MAX_WIRE = OMP_MAX_ENCODED + 1,
};

/* Ways to lose received bytes before they are a frame. */
typedef struct {
  uint32_t frames;
  uint32_t oversized;
  uint32_t undersized;
  uint32_t miscoded;
  uint32_t crc_errors;
} omp_frame_counters;

/* Collects one encoded frame; memory is bounded by it. */
typedef struct {
  uint8_t bytes[OMP_MAX_ENCODED];
  size_t count;
  bool is_oversized;
  omp_frame_counters counters;
} omp_frame_decoder;

typedef struct {
  uint8_t type;
  uint8_t seq;
  const uint8_t *payload;
  size_t length;
} omp_frame;

/* Seed of a frame type's checksum. */
typedef uint32_t (*omp_frame_seed)(const void *context, uint8_t type);

/*
 * Takes one byte. True when it ended a valid frame; `frame` then points into the decoder until the next byte. What is not a frame is
 * dropped and counted.
 */
bool omp_frame_push(omp_frame_decoder *decoder, uint8_t byte, omp_frame_seed seed, const void *context, omp_frame *frame);

/* Writes a frame with its delimiter into `wire` [OMP_MAX_WIRE]; returns its length. `length` is at most OMP_MAX_PAYLOAD. */
size_t omp_frame_encode(uint8_t *wire, uint8_t type, uint8_t seq, const uint8_t *payload, size_t length, uint32_t seed);

#endif
