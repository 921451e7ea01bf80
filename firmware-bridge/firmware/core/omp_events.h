/* What the controller tells its host until the host says that it knows: PROTOCOL.md section 3, EVENT. */
#ifndef OMP_EVENTS_H
#define OMP_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

enum { OMP_EVENT_DEPTH = 8 };

typedef struct {
  uint16_t id;
  uint8_t code;
  uint8_t joint;
  uint32_t tick;
  int32_t value;
  uint8_t detail;
} omp_event;

/* The oldest are kept: what came first explains what came after. */
typedef struct {
  omp_event ring[OMP_EVENT_DEPTH];
  uint8_t head;
  uint8_t count;
  uint16_t last_id;
  /* Events that found the queue full; saturates. */
  uint16_t lost;
} omp_events;

/* Queues `event` under the next id, which is never 0. */
void omp_events_push(omp_events *events, omp_event event);

/* The oldest one, or NULL. */
const omp_event *omp_events_oldest(const omp_events *events);

/* Forgets the oldest one if it has this id. */
bool omp_events_acknowledge(omp_events *events, uint16_t id);

#endif
