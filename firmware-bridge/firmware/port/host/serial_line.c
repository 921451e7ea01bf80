#define _GNU_SOURCE
#include "serial_line.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

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

bool serial_line_plug(serial_line *line) {
  line->bytes_received = 0;
  line->stale_bytes = 0;
  line->segment_bytes = 0;
  line->has_hello = false;
  line->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (line->master < 0) return false;
  if (grantpt(line->master) != 0 || unlockpt(line->master) != 0) return false;
  if (ptsname_r(line->master, line->path, sizeof line->path) != 0) return false;
  line->slave = open(line->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (line->slave < 0 || !make_raw(line->slave)) return false;
  return line->link == NULL || make_link(line);
}

void serial_line_unplug(serial_line *line) {
  if (line->master < 0) return;
  if (line->link != NULL) (void)unlink(line->link);
  (void)close(line->master);
  (void)close(line->slave);
  line->master = -1;
}

/* Judges the segment that has just ended. */
static void end_segment(serial_line *line, const omp_core *core, uint32_t frames_before) {
  const bool is_frame = core->decoder.counters.frames != frames_before;
  if (is_frame && core->decoder.bytes[0] == OMP_HELLO) line->has_hello = true;
  if (!line->has_hello || !is_frame) line->stale_bytes += line->segment_bytes;
  line->segment_bytes = 0;
}

void serial_line_receive(serial_line *line, omp_core *core, uint16_t sub_us) {
  uint8_t bytes[1024];
  if (line->master < 0) return;
  for (;;) {
    const ssize_t count = read(line->master, bytes, sizeof bytes);
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
