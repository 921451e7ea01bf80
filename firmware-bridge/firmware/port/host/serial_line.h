/* The controller's end of a pseudo-terminal, which can be unplugged and plugged in again. */
#ifndef SERIAL_LINE_H
#define SERIAL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omp_core.h"

typedef struct {
  /* -1 while unplugged. */
  int master;
  /* Held open, so that a host that closes its end does not hang up the line. */
  int slave;
  /* Where a symbolic link to the terminal is kept; NULL for none. */
  const char *link;
  char path[64];
  uint32_t bytes_received;
  /* Of the current plug: bytes before its first HELLO, or of frames that failed the CRC afterwards. */
  uint32_t stale_bytes;
  uint32_t segment_bytes;
  bool has_hello;
} serial_line;

/* False, with errno, when there is no terminal to be had. */
bool serial_line_plug(serial_line *line);
/* The host sees a hang-up; what is under way is lost. */
void serial_line_unplug(serial_line *line);
/* Hands the core what has arrived. */
void serial_line_receive(serial_line *line, omp_core *core, uint16_t sub_us);
/* Writes what the core wants to send; what the terminal does not take is lost, as on a wire. */
void serial_line_transmit(serial_line *line, omp_core *core);

#endif
