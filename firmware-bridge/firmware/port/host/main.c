/*
 * The firmware as a Linux process: its UART is a pseudo-terminal or a socket, its motors are behind a pair of pipes, its tick is
 * CLOCK_MONOTONIC.
 * Usage, control commands and log formats: firmware-bridge/firmware/README.md.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "motor_bus.h"
#include "omp_core.h"
#include "serial_line.h"
#include "so101_joints.h"

enum { TICK_NS = 1000000000 / OMP_TICK_HZ, CONTROL_LINE = 128, LOG_BUFFER = 1 << 20 };

typedef struct {
  const char *link;
  const char *listen;
  const char *path_log;
  const char *admit_log;
  /* Where the parameter block is kept; NULL for nowhere. */
  const char *params;
  bool has_bus;
  /* -1: none. */
  int control;
} options;

typedef struct {
  omp_core core;
  serial_line line;
  motor_bus bus;
  options options;
  FILE *path_log;
  FILE *admit_log;
  uint64_t next_tick_ns;
  uint64_t max_late_ns;
  uint32_t late_ticks;
  char control_line[CONTROL_LINE];
  size_t control_count;
  bool is_over;
} controller;

static volatile sig_atomic_t is_terminated;

static void terminate(int signal_number) {
  (void)signal_number;
  is_terminated = 1;
}

static uint64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint16_t sub_us(const controller *self) {
  const uint64_t begin = self->next_tick_ns - TICK_NS;
  const uint64_t now = now_ns();
  const uint64_t elapsed = now > begin ? (now - begin) / 1000u : 0;
  return elapsed > 999 ? 999 : (uint16_t)elapsed;
}

static void log_event(void *context, const omp_path_event *event) {
  controller *self = context;
  if (self->admit_log == NULL) return;
  const uint32_t header[5] = {(uint32_t)event->kind, event->tick, event->t0, event->dt, event->count};
  (void)fwrite(header, sizeof header, 1, self->admit_log);
  for (uint16_t row = 0; row < event->count; row++) {
    (void)fwrite(event->rows[row], sizeof(int32_t), SO101_JOINT_COUNT, self->admit_log);
  }
}

/* Bytes of the kept block; a file that is longer than any block is damaged and gives one byte too many. */
static size_t read_params(const char *path, uint8_t *bytes, size_t capacity) {
  FILE *file = path == NULL ? NULL : fopen(path, "rb");
  if (file == NULL) return 0;
  const size_t count = fread(bytes, 1, capacity, file);
  (void)fclose(file);
  return count;
}

/* Replaces the file in one step: a power cut leaves the old block or the new one. */
static void keep_params(controller *self) {
  uint8_t bytes[OMP_MAX_STORED];
  char draft[4096];
  const size_t count = omp_core_store(&self->core, bytes);
  if (count == 0 || self->options.params == NULL) return;
  (void)snprintf(draft, sizeof draft, "%s.new", self->options.params);
  FILE *file = fopen(draft, "wb");
  const bool is_written = file != NULL && fwrite(bytes, 1, count, file) == count;
  if (file == NULL || fclose(file) != 0 || !is_written || rename(draft, self->options.params) != 0) {
    (void)fprintf(stderr, "omp-firmware: %s: %s\n", self->options.params, strerror(errno));
  }
}

static void boot(controller *self, uint8_t reset_cause) {
  uint8_t stored[OMP_MAX_STORED + 1];
  const size_t stored_bytes = read_params(self->options.params, stored, sizeof stored);
  const omp_config config = {.joints = so101_joints,
                             .joint_count = SO101_JOINT_COUNT,
                             .abilities = OMP_CAN_DAMP | OMP_CAN_RELEASE,
                             .identity = {.boot_id = (uint32_t)now_ns() | 1u,
                                          .uid = {0x6f6d7045u, 0x64676531u, (uint32_t)getpid()},
                                          .reset_cause = reset_cause},
                             .stored = stored_bytes > 0 ? stored : NULL,
                             .stored_bytes = stored_bytes,
                             .observer = log_event,
                             .observer_context = self};
  const omp_config_verdict verdict = omp_core_init(&self->core, &config);
  if (verdict.error == OMP_TABLE_OK) return;
  (void)fprintf(stderr, "omp-firmware: the joint table is refused: error %d at joint %u\n", (int)verdict.error, verdict.joint);
  exit(1);
}

/* Everything measured since the last tick; without a bus the joints are where they are commanded to. */
static omp_measurement measure(controller *self) {
  omp_measurement measurement = {.valid_mask = UINT32_MAX};
  const int32_t *position = self->core.path.command;
  if (self->options.has_bus) {
    motor_bus_poll(&self->bus);
    measurement.valid_mask = motor_bus_take(&self->bus);
    position = self->bus.measured;
  }
  for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) measurement.position[j] = position[j];
  return measurement;
}

static void tick(controller *self) {
  const uint64_t now = now_ns();
  const uint64_t late = now - self->next_tick_ns;
  if (late >= TICK_NS) self->late_ticks++;
  if (late > self->max_late_ns) self->max_late_ns = late;
  self->next_tick_ns += TICK_NS;

  omp_core *core = &self->core;
  const omp_measurement measurement = measure(self);
  omp_core_tick(core, &measurement);
  if (self->options.has_bus) {
    if (core->has_command) motor_bus_command(&self->bus, core->path.tick, core->path.command, core->drive);
    if (self->bus.is_closed) self->is_over = true;
  }
  if (self->path_log != NULL) {
    const uint32_t header[2] = {core->path.tick, core->mode};
    (void)fwrite(header, sizeof header, 1, self->path_log);
    (void)fwrite(core->path.command, sizeof(int32_t), SO101_JOINT_COUNT, self->path_log);
  }
  serial_line_transmit(&self->line, core);
}

static void flush_logs(controller *self) {
  if (self->path_log != NULL) (void)fflush(self->path_log);
  if (self->admit_log != NULL) (void)fflush(self->admit_log);
}

static void answer_counters(const controller *self) {
  const omp_core *core = &self->core;
  const omp_frame_counters *frames = &core->decoder.counters;
  (void)dprintf(self->options.control,
                "{\"ok\":true,\"tick\":%u,\"mode\":%u,\"fault\":%u,\"frames\":%u,\"crc_errors\":%u,\"oversized\":%u,"
                "\"undersized\":%u,\"miscoded\":%u,\"replayed\":%u,\"chunks_committed\":%u,\"chunks_refused\":%u,"
                "\"transmit_dropped\":%u,\"late_ticks\":%u,\"max_late_us\":%u,\"commands_dropped\":%u}\n",
                core->path.tick, core->mode, core->fault, frames->frames, frames->crc_errors, frames->oversized,
                frames->undersized, frames->miscoded, core->counters.replayed, core->counters.chunks_committed,
                core->counters.chunks_refused, core->counters.transmit_dropped, self->late_ticks,
                (uint32_t)(self->max_late_ns / 1000u), self->bus.commands_dropped);
}

static void obey(controller *self, const char *command) {
  const int out = self->options.control;
  if (strcmp(command, "unplug") == 0) {
    serial_line_unplug(&self->line);
  } else if (strcmp(command, "replug") == 0) {
    serial_line_unplug(&self->line);
    omp_core_reopen(&self->core);
    if (!serial_line_plug(&self->line)) {
      (void)dprintf(out, "{\"ok\":false,\"error\":\"%s\"}\n", strerror(errno));
      return;
    }
    (void)dprintf(out, "{\"ok\":true,\"path\":\"%s\"}\n", self->line.path);
    return;
  } else if (strcmp(command, "line") == 0) {
    (void)dprintf(out, "{\"ok\":true,\"path\":\"%s\"}\n", self->line.path);
    return;
  } else if (strcmp(command, "rxlog") == 0) {
    (void)dprintf(out, "{\"ok\":true,\"bytes_received\":%u,\"stale_bytes\":%u,\"has_hello\":%s}\n",
                  self->line.bytes_received, self->line.stale_bytes, self->line.has_hello ? "true" : "false");
    return;
  } else if (strcmp(command, "counters") == 0) {
    answer_counters(self);
    return;
  } else if (strcmp(command, "flush") == 0) {
    flush_logs(self);
  } else if (strcmp(command, "estop") == 0) {
    omp_core_estop(&self->core);
  } else if (strcmp(command, "reset") == 0) {
    boot(self, 3);
  } else if (strcmp(command, "quit") == 0) {
    self->is_over = true;
  } else {
    (void)dprintf(out, "{\"ok\":false,\"error\":\"unknown command\"}\n");
    return;
  }
  (void)dprintf(out, "{\"ok\":true}\n");
}

static void read_control(controller *self) {
  char bytes[CONTROL_LINE];
  const ssize_t count = read(self->options.control, bytes, sizeof bytes);
  if (count == 0) self->is_over = true;
  for (ssize_t i = 0; i < count; i++) {
    if (bytes[i] == '\n') {
      self->control_line[self->control_count] = '\0';
      self->control_count = 0;
      obey(self, self->control_line);
    } else if (self->control_count < CONTROL_LINE - 1) {
      self->control_line[self->control_count++] = bytes[i];
    }
  }
}

static bool parse(int argc, char **argv, options *out) {
  *out = (options){.has_bus = true, .control = -1};
  for (int i = 1; i < argc; i++) {
    const char *name = argv[i];
    if (strcmp(name, "--no-bus") == 0) {
      out->has_bus = false;
      continue;
    }
    if (++i == argc) return false;
    if (strcmp(name, "--link") == 0) {
      out->link = argv[i];
    } else if (strcmp(name, "--listen") == 0) {
      out->listen = argv[i];
    } else if (strcmp(name, "--path-log") == 0) {
      out->path_log = argv[i];
    } else if (strcmp(name, "--admit-log") == 0) {
      out->admit_log = argv[i];
    } else if (strcmp(name, "--params") == 0) {
      out->params = argv[i];
    } else if (strcmp(name, "--control") == 0) {
      out->control = atoi(argv[i]);
    } else {
      return false;
    }
  }
  return true;
}

static FILE *open_log(const char *path) {
  if (path == NULL) return NULL;
  FILE *log = fopen(path, "wb");
  if (log == NULL) {
    (void)fprintf(stderr, "omp-firmware: %s: %s\n", path, strerror(errno));
    exit(1);
  }
  (void)setvbuf(log, NULL, _IOFBF, LOG_BUFFER);
  return log;
}

/* Sleeps until something arrives or the next tick is due. */
static void await(const controller *self) {
  struct pollfd sources[4] = {
      {.fd = self->line.master, .events = POLLIN},
      {.fd = self->line.listener, .events = POLLIN},
      {.fd = self->options.control, .events = POLLIN},
      /* Only its end: measurements wait for the tick. */
      {.fd = self->options.has_bus ? self->bus.in : -1, .events = 0},
  };
  const uint64_t now = now_ns();
  const uint64_t left = self->next_tick_ns > now ? self->next_tick_ns - now : 0;
  const struct timespec timeout = {.tv_sec = 0, .tv_nsec = (long)left};
  (void)ppoll(sources, sizeof sources / sizeof *sources, &timeout, NULL);
}

static bool has_control_input(const controller *self) {
  struct pollfd source = {.fd = self->options.control, .events = POLLIN};
  return self->options.control >= 0 && poll(&source, 1, 0) > 0;
}

/* What a host can ask for without being refused; a failure leaves ordinary scheduling. */
static void ask_for_priority(void) {
  const struct sched_param priority = {.sched_priority = 50};
  (void)sched_setscheduler(0, SCHED_FIFO, &priority);
}

int main(int argc, char **argv) {
  static controller self;
  if (!parse(argc, argv, &self.options)) {
    (void)fprintf(stderr,
                  "usage: omp-firmware [--link PATH | --listen tcp:PORT|unix:PATH] [--control FD] [--no-bus] "
                  "[--path-log FILE] [--admit-log FILE] [--params FILE]\n");
    return 2;
  }
  /* Ctrl-C goes to the whole terminal group; the host brakes the arm first and then closes its pipes. */
  (void)signal(SIGINT, self.options.control >= 0 ? SIG_IGN : terminate);
  (void)signal(SIGTERM, terminate);
  (void)signal(SIGPIPE, SIG_IGN);
  serial_line_init(&self.line, self.options.link, self.options.listen);
  self.path_log = open_log(self.options.path_log);
  self.admit_log = open_log(self.options.admit_log);
  if (!serial_line_plug(&self.line)) {
    (void)fprintf(stderr, "omp-firmware: no line: %s\n", strerror(errno));
    return 1;
  }
  if (self.options.control < 0) (void)fprintf(stderr, "%s\n", self.line.path);
  if (self.options.has_bus) motor_bus_init(&self.bus, STDIN_FILENO, STDOUT_FILENO, SO101_JOINT_COUNT);
  ask_for_priority();
  boot(&self, 1);
  self.next_tick_ns = now_ns() + TICK_NS;
  while (!self.is_over && !is_terminated) {
    await(&self);
    while (now_ns() >= self.next_tick_ns && !self.is_over) tick(&self);
    serial_line_receive(&self.line, &self.core, sub_us(&self));
    serial_line_transmit(&self.line, &self.core);
    keep_params(&self);
    if (has_control_input(&self)) read_control(&self);
  }
  flush_logs(&self);
  serial_line_unplug(&self.line);
  return 0;
}
