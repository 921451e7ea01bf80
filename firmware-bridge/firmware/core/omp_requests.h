/* What the host sends. */
#ifndef OMP_REQUESTS_H
#define OMP_REQUESTS_H

#include "omp_core.h"

/* Takes a frame whose checksum is right, and answers it. */
void omp_requests_take(omp_core *core, const omp_frame *frame);

#endif
