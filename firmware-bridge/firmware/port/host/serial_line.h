/* The controller's end of a pseudo-terminal or of a socket, which can be unplugged and plugged in again. */
#ifndef SERIAL_LINE_H
#define SERIAL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omp_core.h"

typedef struct {
  /* Where bytes pass. -1 while unplugged, and while no host is connected to the socket. */
  int master;
  /* Held open, so that a host that closes its end does not hang up the line. -1 with a socket. */
  int slave;
  /* -1 while unplugged and with a terminal. */
  int listener;
  /* Where a symbolic link to the terminal is kept; NULL for none. */
  const char *link;
  /* Address of the socket to use instead of a terminal; NULL for a terminal. */
  const char *listen;
  /* Of the terminal or the socket. */
  char path[128];
  uint32_t bytes_received;
  /* Of the current plug or connection: bytes before its first HELLO, or of frames that failed the CRC afterwards. */
  uint32_t stale_bytes;
  uint32_t segment_bytes;
  bool has_hello;
} serial_line;

/* An unplugged line. */
void serial_line_init(serial_line *line, const char *link, const char *listen);
/* False, with errno, when there is no terminal or socket to be had. */
bool serial_line_plug(serial_line *line);
/* The host sees a hang-up; what is under way is lost. */
void serial_line_unplug(serial_line *line);
/* Hands the core what has arrived. A newly connected host takes the line from the one before it. */
void serial_line_receive(serial_line *line, omp_core *core, uint16_t sub_us);
/* Writes what the core wants to send; what the terminal does not take is lost, as on a wire. */
void serial_line_transmit(serial_line *line, omp_core *core);

#endif
