/* The parameters of PROTOCOL.md section 8: a closed table, and the block in which a port keeps it across resets. */
#ifndef OMP_PARAMS_H
#define OMP_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omp_joint.h"

enum {
  OMP_STORED_HEADER = 8,
  OMP_STORED_JOINT = 12,
  OMP_STORED_CONTROLLER = 12,
  OMP_STORED_CRC = 4,
  OMP_MAX_STORED = OMP_STORED_HEADER + OMP_MAX_JOINTS * OMP_STORED_JOINT + OMP_STORED_CONTROLLER + OMP_STORED_CRC,
};

/* What a port measures besides positions, and what its joints can do besides holding. */
enum {
  OMP_MEASURES_EFFORT = 1,
  OMP_MEASURES_TEMPERATURE = 2,
  OMP_MEASURES_VOLTAGE = 4,
  OMP_CAN_DAMP = 8,
  OMP_CAN_RELEASE = 16,
  OMP_ALL_ABILITIES = 31,
};

typedef struct {
  omp_joint_params joints[OMP_MAX_JOINTS];
  /* OMP_UNDERRUN_HOLDS or OMP_UNDERRUN_FAULTS. */
  uint8_t underrun;
  /* mV; 0: not monitored. */
  uint32_t min_voltage;
  uint32_t max_voltage;
  uint8_t joint_count;
  /* OMP_MEASURES_…, OMP_CAN_… */
  uint8_t abilities;
} omp_params;

/* The joint table's values; false when one of them is out of its range, at `joint`. */
bool omp_params_init(omp_params *params, const omp_joint *joints, uint8_t joint_count, uint8_t abilities, uint8_t *joint);

/* False when there is no such parameter. `joint` is OMP_NO_JOINT for those of the controller. */
bool omp_params_get(const omp_params *params, uint8_t param, uint8_t joint, uint32_t *value);

/* False, and nothing changes, when there is no such parameter or the value is out of its range. */
bool omp_params_set(omp_params *params, uint8_t param, uint8_t joint, uint32_t value);

/* Writes the block into `bytes` [OMP_MAX_STORED]; returns its length. */
size_t omp_params_save(const omp_params *params, uint32_t schema_hash, uint8_t *bytes);

/* Takes a block; false, and nothing changes, when it is not one of these joints, damaged or out of range. */
bool omp_params_load(omp_params *params, uint32_t schema_hash, const uint8_t *bytes, size_t count);

/* The CRC at the end of the block. */
uint32_t omp_params_crc(const omp_params *params, uint32_t schema_hash);

#endif
