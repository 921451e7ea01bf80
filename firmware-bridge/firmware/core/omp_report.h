/* What the core sends. */
#ifndef OMP_REPORT_H
#define OMP_REPORT_H

#include "omp_core.h"

/* The seed of a frame type's checksum; `context` is the core. */
uint32_t omp_report_seed(const void *context, uint8_t type);

void omp_report_ack(omp_core *core, const omp_frame *frame, uint8_t code, uint16_t chunk_id);
void omp_report_ident(omp_core *core);
void omp_report_description(omp_core *core, uint8_t joint);
void omp_report_sync(omp_core *core, uint32_t echo);
void omp_report_param(omp_core *core, uint8_t param, uint8_t joint, uint32_t value);
void omp_report_state(omp_core *core);
/* Sends the oldest event when it is new to the session or has waited long enough. */
void omp_report_event(omp_core *core);

/* PROTOCOL.md section 4. */
uint32_t omp_report_schema_hash(const omp_core *core);
uint32_t omp_report_limits_crc(const omp_core *core);

#endif
