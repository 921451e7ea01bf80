#include "omp_events.h"

#include <stddef.h>

void omp_events_push(omp_events *events, omp_event event) {
  if (events->count == OMP_EVENT_DEPTH) {
    if (events->lost < UINT16_MAX) events->lost++;
    return;
  }
  events->last_id++;
  if (events->last_id == 0) events->last_id = 1;
  event.id = events->last_id;
  events->ring[(events->head + events->count) % OMP_EVENT_DEPTH] = event;
  events->count++;
}

const omp_event *omp_events_oldest(const omp_events *events) {
  return events->count > 0 ? &events->ring[events->head] : NULL;
}

bool omp_events_acknowledge(omp_events *events, uint16_t id) {
  if (events->count == 0 || events->ring[events->head].id != id) return false;
  events->head = (uint8_t)((events->head + 1) % OMP_EVENT_DEPTH);
  events->count--;
  return true;
}
