#ifndef OMP_CRC32_H
#define OMP_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32/ISO-HDLC continued from `seed`, as zlib's crc32(); 0 starts a new one. */
uint32_t omp_crc32(uint32_t seed, const uint8_t *bytes, size_t count);

#endif
