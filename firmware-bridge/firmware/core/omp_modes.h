/* The modes of PROTOCOL.md section 6 and what leads from one to another. */
#ifndef OMP_MODES_H
#define OMP_MODES_H

#include "omp_core.h"

/* HOLD or RUN. */
bool omp_modes_is_armed(const omp_core *core);

/* IDLE with nothing moving: nobody is hurt by another limit. */
bool omp_modes_is_parked(const omp_core *core);

/* Drops every waypoint and comes to rest in `mode`. */
void omp_modes_stop(omp_core *core, uint8_t mode);

/* IDLE to HOLD: the measured position becomes the command of every joint, and every joint is driven. */
void omp_modes_enable(omp_core *core);

/* To RUN, with the chunk that was just committed. */
void omp_modes_run(omp_core *core, const omp_chunk *chunk);

/* To FAULT, unless that is the mode already. */
void omp_modes_latch(omp_core *core, omp_finding finding);

/* FAULT to IDLE. */
void omp_modes_clear_fault(omp_core *core);

void omp_modes_renew_lease(omp_core *core);

/* What a tick can change by itself, after the path has advanced. */
void omp_modes_tick(omp_core *core, bool ran_out);

#endif
