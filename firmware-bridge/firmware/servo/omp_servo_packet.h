/*
 * Packets of servo buses: Feetech (STS and SMS series) and Dynamixel protocol 2.0.
 *
 *   Feetech     FF FF | id | length | instruction or error | params … | checksum
 *   Dynamixel   FF FF FD 00 | id | length u16 | instruction | (error) params … | crc u16, stuffed behind `length`
 */
#ifndef OMP_SERVO_PACKET_H
#define OMP_SERVO_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  /* Longest packet taken or made; a request for eight servos has 60 bytes. */
  OMP_SERVO_PACKET = 128,
  OMP_SERVO_PARAMS = 80,
  OMP_SERVO_BROADCAST = 0xFE,
};

typedef enum { OMP_FEETECH, OMP_DYNAMIXEL } omp_servo_family;

enum {
  OMP_SERVO_READ = 0x02,
  OMP_SERVO_WRITE = 0x03,
  /* Only Dynamixel: the instruction of an answer. */
  OMP_SERVO_STATUS = 0x55,
  OMP_SERVO_SYNC_READ = 0x82,
  OMP_SERVO_SYNC_WRITE = 0x83,
};

/* `params` points into the decoder until its next byte. */
typedef struct {
  uint8_t id;
  /* Of a Feetech packet the same byte as `error`: only the direction tells them apart. */
  uint8_t instruction;
  uint8_t error;
  const uint8_t *params;
  size_t count;
} omp_servo_packet;

typedef struct {
  uint32_t packets;
  /* Packets whose checksum or length was wrong. */
  uint32_t damaged;
} omp_servo_packet_counters;

typedef struct {
  omp_servo_family family;
  uint8_t bytes[OMP_SERVO_PACKET];
  size_t count;
  /* Of the packet that was handed out last. */
  size_t taken;
  omp_servo_packet_counters counters;
} omp_servo_decoder;

/* Writes a request into `out` [OMP_SERVO_PACKET]; returns its length. `count` is at most OMP_SERVO_PARAMS. */
size_t omp_servo_encode(omp_servo_family family, uint8_t *out, uint8_t id, uint8_t instruction, const uint8_t *params,
                        size_t count);

/* Takes one byte; true when it ended a whole packet. Noise before a packet is skipped, a damaged packet costs itself. */
bool omp_servo_push(omp_servo_decoder *decoder, uint8_t byte, omp_servo_packet *packet);

/* Forgets an unfinished packet. */
void omp_servo_reset(omp_servo_decoder *decoder);

#endif
