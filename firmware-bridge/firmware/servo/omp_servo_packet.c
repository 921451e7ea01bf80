#include "omp_servo_packet.h"

#include "omp_bytes.h"

enum { FEETECH_HEADER = 4, DYNAMIXEL_HEADER = 7, CRC_BYTES = 2 };

/* What the collected bytes are. */
typedef enum { INCOMPLETE, WHOLE, NOT_A_HEADER, DAMAGED } verdict;

static uint8_t feetech_checksum(const uint8_t *bytes, size_t count) {
  uint8_t sum = 0;
  for (size_t i = 0; i < count; i++) sum = (uint8_t)(sum + bytes[i]);
  return (uint8_t)~sum;
}

/* Polynomial 0x8005, not reflected, from 0; e-manual of protocol 2.0. */
static uint16_t dynamixel_crc(const uint8_t *bytes, size_t count) {
  uint16_t crc = 0;
  for (size_t i = 0; i < count; i++) {
    crc = (uint16_t)(crc ^ (uint16_t)(bytes[i] << 8));
    for (int bit = 0; bit < 8; bit++) crc = (uint16_t)((crc & 0x8000u) != 0 ? (uint32_t)(crc << 1) ^ 0x8005u : (uint32_t)(crc << 1));
  }
  return crc;
}

/* ---- Encoding ---- */

static size_t encode_feetech(uint8_t *out, uint8_t id, uint8_t instruction, const uint8_t *params, size_t count) {
  out[0] = 0xff;
  out[1] = 0xff;
  out[2] = id;
  out[3] = (uint8_t)(count + 2);
  out[4] = instruction;
  for (size_t i = 0; i < count; i++) out[5 + i] = params[i];
  out[5 + count] = feetech_checksum(out + 2, 3 + count);
  return 6 + count;
}

/* Whether `bytes` end in FF FF FD, of which nothing is before `start`. */
static bool ends_in_header(const uint8_t *bytes, size_t start, size_t end) {
  return end >= start + 3 && bytes[end - 3] == 0xff && bytes[end - 2] == 0xff && bytes[end - 1] == 0xfd;
}

static size_t encode_dynamixel(uint8_t *out, uint8_t id, uint8_t instruction, const uint8_t *params, size_t count) {
  const uint8_t header[5] = {0xff, 0xff, 0xfd, 0x00, id};
  for (size_t i = 0; i < sizeof header; i++) out[i] = header[i];
  out[DYNAMIXEL_HEADER] = instruction;
  size_t end = DYNAMIXEL_HEADER + 1;
  for (size_t i = 0; i < count; i++) {
    out[end++] = params[i];
    if (ends_in_header(out, DYNAMIXEL_HEADER, end)) out[end++] = 0xfd;
  }
  omp_put_u16(out + 5, (uint16_t)(end + CRC_BYTES - DYNAMIXEL_HEADER));
  omp_put_u16(out + end, dynamixel_crc(out, end));
  return end + CRC_BYTES;
}

size_t omp_servo_encode(omp_servo_family family, uint8_t *out, uint8_t id, uint8_t instruction, const uint8_t *params,
                        size_t count) {
  return family == OMP_FEETECH ? encode_feetech(out, id, instruction, params, count)
                               : encode_dynamixel(out, id, instruction, params, count);
}

/* ---- Decoding ---- */

static verdict judge_feetech(const uint8_t *bytes, size_t count, size_t *length) {
  if (bytes[0] != 0xff || (count > 1 && bytes[1] != 0xff)) return NOT_A_HEADER;
  /* FF is no id: the header begins a byte later. */
  if (count > 2 && bytes[2] == 0xff) return NOT_A_HEADER;
  if (count < FEETECH_HEADER) return INCOMPLETE;
  *length = FEETECH_HEADER + (size_t)bytes[3];
  if (bytes[3] < 2 || *length > OMP_SERVO_PACKET) return DAMAGED;
  if (count < *length) return INCOMPLETE;
  return bytes[*length - 1] == feetech_checksum(bytes + 2, *length - 3) ? WHOLE : DAMAGED;
}

static verdict judge_dynamixel(const uint8_t *bytes, size_t count, size_t *length) {
  const uint8_t header[4] = {0xff, 0xff, 0xfd, 0x00};
  for (size_t i = 0; i < 4 && i < count; i++) {
    if (bytes[i] != header[i]) return NOT_A_HEADER;
  }
  if (count < DYNAMIXEL_HEADER) return INCOMPLETE;
  *length = DYNAMIXEL_HEADER + (size_t)omp_get_u16(bytes + 5);
  if (*length < DYNAMIXEL_HEADER + 1 + CRC_BYTES || *length > OMP_SERVO_PACKET) return DAMAGED;
  if (count < *length) return INCOMPLETE;
  const size_t crc_at = *length - CRC_BYTES;
  const bool has_error = bytes[DYNAMIXEL_HEADER] != OMP_SERVO_STATUS || crc_at > DYNAMIXEL_HEADER + 1;
  return has_error && omp_get_u16(bytes + crc_at) == dynamixel_crc(bytes, crc_at) ? WHOLE : DAMAGED;
}

static verdict judge(const omp_servo_decoder *decoder, size_t *length) {
  return decoder->family == OMP_FEETECH ? judge_feetech(decoder->bytes, decoder->count, length)
                                        : judge_dynamixel(decoder->bytes, decoder->count, length);
}

static void drop(omp_servo_decoder *decoder, size_t count) {
  decoder->count -= count;
  for (size_t i = 0; i < decoder->count; i++) decoder->bytes[i] = decoder->bytes[i + count];
}

/* Removes what was stuffed, in place; returns the new end. The answer of all servos together to one read has nothing stuffed. */
static size_t unstuff(uint8_t *bytes, size_t end) {
  size_t write = DYNAMIXEL_HEADER;
  if (bytes[4] == OMP_SERVO_BROADCAST && bytes[DYNAMIXEL_HEADER] == OMP_SERVO_STATUS) return end;
  bool follows_pattern = false;
  for (size_t read = DYNAMIXEL_HEADER; read < end; read++) {
    if (follows_pattern && bytes[read] == 0xfd) {
      follows_pattern = false;
      continue;
    }
    bytes[write++] = bytes[read];
    follows_pattern = ends_in_header(bytes, DYNAMIXEL_HEADER, write);
  }
  return write;
}

static void read_packet(omp_servo_decoder *decoder, size_t length, omp_servo_packet *packet) {
  uint8_t *bytes = decoder->bytes;
  if (decoder->family == OMP_FEETECH) {
    *packet = (omp_servo_packet){bytes[2], bytes[4], bytes[4], bytes + 5, length - 6};
    return;
  }
  const bool is_status = bytes[DYNAMIXEL_HEADER] == OMP_SERVO_STATUS;
  const size_t from = DYNAMIXEL_HEADER + (is_status ? 2 : 1);
  const size_t end = unstuff(bytes, length - CRC_BYTES);
  *packet = (omp_servo_packet){bytes[4], bytes[DYNAMIXEL_HEADER], is_status ? bytes[DYNAMIXEL_HEADER + 1] : (uint8_t)0,
                               bytes + from, end - from};
}

bool omp_servo_push(omp_servo_decoder *decoder, uint8_t byte, omp_servo_packet *packet) {
  drop(decoder, decoder->taken);
  decoder->taken = 0;
  decoder->bytes[decoder->count++] = byte;
  size_t length = 0;
  for (;;) {
    switch (decoder->count == 0 ? INCOMPLETE : judge(decoder, &length)) {
      case INCOMPLETE: return false;
      case WHOLE:
        decoder->counters.packets++;
        read_packet(decoder, length, packet);
        decoder->taken = length;
        return true;
      case DAMAGED: decoder->counters.damaged++; drop(decoder, 1); break;
      default: drop(decoder, 1); break;
    }
  }
}

void omp_servo_reset(omp_servo_decoder *decoder) {
  decoder->count = 0;
  decoder->taken = 0;
}
