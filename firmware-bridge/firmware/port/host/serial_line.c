#define _GNU_SOURCE
#include "serial_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "listener.h"

static bool make_raw(int slave) {
  struct termios settings;
  if (tcgetattr(slave, &settings) != 0) return false;
  cfmakeraw(&settings);
  return tcsetattr(slave, TCSANOW, &settings) == 0;
}

/* Replaces the link in one step, so that nobody finds none. */
static bool make_link(const serial_line *line) {
  char draft[4096];
  if (snprintf(draft, sizeof draft, "%s.new", line->link) >= (int)sizeof draft) return false;
  (void)unlink(draft);
  return symlink(line->path, draft) == 0 && rename(draft, line->link) == 0;
}

static void forget(serial_line *line) {
  line->bytes_received = 0;
  line->stale_bytes = 0;
  line->segment_bytes = 0;
  line->has_hello = false;
}

static void close_once(int *descriptor) {
  if (*descriptor >= 0) (void)close(*descriptor);
  *descriptor = -1;
}

void serial_line_init(serial_line *line, const char *link, const char *listen) {
  *line = (serial_line){.master = -1, .slave = -1, .listener = -1, .link = link, .listen = listen};
}

bool serial_line_plug(serial_line *line) {
  forget(line);
  if (line->listen != NULL) {
    line->listener = listener_open(line->listen, line->path, sizeof line->path);
    return line->listener >= 0;
  }
  line->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (line->master < 0) return false;
  if (grantpt(line->master) != 0 || unlockpt(line->master) != 0) return false;
  if (ptsname_r(line->master, line->path, sizeof line->path) != 0) return false;
  line->slave = open(line->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (line->slave < 0 || !make_raw(line->slave)) return false;
  return line->link == NULL || make_link(line);
}

void serial_line_unplug(serial_line *line) {
  if (line->slave >= 0 && line->link != NULL) (void)unlink(line->link);
  close_once(&line->master);
  close_once(&line->slave);
  close_once(&line->listener);
}

/* Judges the segment that has just ended. */
static void end_segment(serial_line *line, const omp_core *core, uint32_t frames_before) {
  const bool is_frame = core->decoder.counters.frames != frames_before;
  if (is_frame && core->decoder.bytes[0] == OMP_HELLO) line->has_hello = true;
  if (!line->has_hello || !is_frame) line->stale_bytes += line->segment_bytes;
  line->segment_bytes = 0;
}

static void accept_host(serial_line *line, omp_core *core) {
  const int host = line->listener < 0 ? -1 : listener_accept(line->listener);
  if (host < 0) return;
  close_once(&line->master);
  line->master = host;
  forget(line);
  omp_core_reopen(core);
}

void serial_line_receive(serial_line *line, omp_core *core, uint16_t sub_us) {
  uint8_t bytes[1024];
  accept_host(line, core);
  if (line->master < 0) return;
  for (;;) {
    const ssize_t count = read(line->master, bytes, sizeof bytes);
    /* The host left its socket. */
    if (count == 0 || (count < 0 && errno == ECONNRESET)) close_once(&line->master);
    if (count <= 0) return;
    line->bytes_received += (uint32_t)count;
    for (ssize_t i = 0; i < count; i++) {
      const uint32_t frames_before = core->decoder.counters.frames;
      omp_core_receive(core, bytes + i, 1, sub_us);
      if (bytes[i] != 0) {
        line->segment_bytes++;
      } else if (line->segment_bytes > 0) {
        end_segment(line, core, frames_before);
      }
    }
  }
}

void serial_line_transmit(serial_line *line, omp_core *core) {
  uint8_t bytes[1024];
  size_t count;
  while ((count = omp_core_transmit(core, bytes, sizeof bytes)) > 0) {
    if (line->master < 0) continue;
    if (write(line->master, bytes, count) < 0) continue;
  }
}
