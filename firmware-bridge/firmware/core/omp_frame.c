#include "omp_frame.h"

#include "omp_bytes.h"
#include "omp_crc32.h"

enum { MISCODED = OMP_MAX_ENCODED + 1 };

/* COBS (Cheshire & Baker 1999), in place; returns the decoded length, or MISCODED. */
static size_t cobs_decode(uint8_t *bytes, size_t count) {
  size_t read = 0;
  size_t write = 0;
  while (read < count) {
    const size_t code = bytes[read++];
    if (code == 0 || read + code - 1 > count) return MISCODED;
    for (size_t i = 1; i < code; i++) bytes[write++] = bytes[read++];
    if (code < 0xff && read < count) bytes[write++] = 0;
  }
  return write;
}

static size_t cobs_encode(uint8_t *out, const uint8_t *bytes, size_t count) {
  size_t code_at = 0;
  size_t write = 1;
  uint8_t code = 1;
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] != 0) {
      out[write++] = bytes[i];
      code++;
    }
    if (bytes[i] == 0 || (code == 0xff && i + 1 < count)) {
      out[code_at] = code;
      code_at = write++;
      code = 1;
    }
  }
  out[code_at] = code;
  return write;
}

bool omp_frame_push(omp_frame_decoder *decoder, uint8_t byte, omp_frame_seed seed, const void *context, omp_frame *frame) {
  if (byte != 0) {
    if (decoder->count < OMP_MAX_ENCODED) {
      decoder->bytes[decoder->count++] = byte;
    } else {
      decoder->is_oversized = true;
    }
    return false;
  }
  const size_t encoded = decoder->count;
  const bool is_oversized = decoder->is_oversized;
  decoder->count = 0;
  decoder->is_oversized = false;
  if (is_oversized) {
    decoder->counters.oversized++;
    return false;
  }
  if (encoded == 0) return false;
  const size_t length = cobs_decode(decoder->bytes, encoded);
  if (length == MISCODED) {
    decoder->counters.miscoded++;
    return false;
  }
  if (length < OMP_MIN_BODY) {
    decoder->counters.undersized++;
    return false;
  }
  const size_t crc_at = length - 4;
  const uint8_t type = decoder->bytes[0];
  if (omp_crc32(seed(context, type), decoder->bytes, crc_at) != omp_get_u32(decoder->bytes + crc_at)) {
    decoder->counters.crc_errors++;
    return false;
  }
  decoder->counters.frames++;
  frame->type = type;
  frame->seq = decoder->bytes[1];
  frame->payload = decoder->bytes + 2;
  frame->length = crc_at - 2;
  return true;
}

size_t omp_frame_encode(uint8_t *wire, uint8_t type, uint8_t seq, const uint8_t *payload, size_t length, uint32_t seed) {
  uint8_t body[OMP_MAX_BODY];
  body[0] = type;
  body[1] = seq;
  for (size_t i = 0; i < length; i++) body[2 + i] = payload[i];
  omp_put_u32(body + 2 + length, omp_crc32(seed, body, 2 + length));
  const size_t encoded = cobs_encode(wire, body, length + OMP_MIN_BODY);
  wire[encoded] = 0;
  return encoded + 1;
}
