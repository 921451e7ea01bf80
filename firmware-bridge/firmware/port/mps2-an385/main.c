/*
 * The firmware on an Arm MPS2 board with the AN385 image (Cortex-M3), and in qemu-system-arm -M mps2-an385. Its joints are simulated, its
 * host is on UART 0. The board has no flash: parameters outlive a reset, not a power cycle.
 */
#include "omp_core.h"
#include "plant.h"
#include "registers.h"
#include "so101_joints.h"
#include "uart.h"

enum {
  BAUD = 1000000,
  TICK_CYCLES = SYSTEM_CLOCK_HZ / OMP_TICK_HZ,
  CYCLES_PER_US = SYSTEM_CLOCK_HZ / 1000000,
  /* 2 s to the NMI and 2 s more to the reset: an emulator on a busy computer is not alone. */
  WATCHDOG_CYCLES = 2 * SYSTEM_CLOCK_HZ,
  KEPT_MARK = 0x6f6d7021,
};

/* Survives a reset, holds anything after power-on. */
typedef struct {
  uint32_t mark;
  uint32_t boots;
  uint32_t params_bytes;
  uint8_t params[OMP_MAX_STORED];
} kept_memory;

__attribute__((section(".noinit"))) static kept_memory kept;

static omp_core core;
static plant joints;
/* Of TIMER0, when the next tick is due. */
static uint32_t next_tick;

/* Counts up and wraps after 2^32 cycles. */
static uint32_t now(void) { return UINT32_MAX - TIMER0_VALUE; }

static void start_clock(void) {
  TIMER0_RELOAD = UINT32_MAX;
  TIMER0_CTRL = TIMER_ENABLE;
  next_tick = now() + TICK_CYCLES;
  SYSTICK_LOAD = TICK_CYCLES - 1;
  SYSTICK_VALUE = 0;
  SYSTICK_CTRL = SYSTICK_ENABLE | SYSTICK_INTERRUPT | SYSTICK_CORE_CLOCK;
}

static void start_watchdog(void) {
  WATCHDOG_LOCK = WATCHDOG_UNLOCK;
  WATCHDOG_LOAD = WATCHDOG_CYCLES;
  WATCHDOG_CTRL = WATCHDOG_INTERRUPT | WATCHDOG_RESET;
}

static uint8_t reset_cause(void) {
  const uint32_t info = SYSCON_RSTINFO;
  SYSCON_RSTINFO = info;
  if ((info & RSTINFO_WATCHDOG) != 0) return 2;
  return (info & RSTINFO_SOFTWARE) != 0 ? 3 : 1;
}

static void boot(void) {
  if (kept.mark != KEPT_MARK || kept.params_bytes > OMP_MAX_STORED) {
    kept = (kept_memory){.mark = KEPT_MARK};
  }
  kept.boots++;
  const omp_config config = {.joints = so101_joints,
                             .joint_count = SO101_JOINT_COUNT,
                             .abilities = OMP_CAN_DAMP | OMP_CAN_RELEASE,
                             .identity = {.boot_id = kept.boots,
                                          .uid = {0x6f6d704du, 0x50533233u, 1},
                                          .reset_cause = reset_cause()},
                             .stored = kept.params_bytes > 0 ? kept.params : NULL,
                             .stored_bytes = kept.params_bytes};
  /* A refused table leaves a core that neither answers nor moves. */
  (void)omp_core_init(&core, &config);
  plant_init(&joints, so101_joints, SO101_JOINT_COUNT);
}

static void tick(void) {
  omp_measurement measurement = {.valid_mask = UINT32_MAX};
  for (uint8_t j = 0; j < SO101_JOINT_COUNT; j++) measurement.position[j] = plant_position(&joints, j);
  omp_core_tick(&core, &measurement);
  if (core.has_command) plant_tick(&joints, core.path.command, core.drive);
  WATCHDOG_INTCLR = 1;
}

static uint16_t sub_us(void) {
  const uint32_t elapsed = (now() - (next_tick - TICK_CYCLES)) / CYCLES_PER_US;
  return elapsed > 999 ? 999 : (uint16_t)elapsed;
}

static bool is_due(void) { return (int32_t)(now() - next_tick) >= 0; }

static void serve_line(void) {
  uint8_t bytes[64];
  size_t count;
  while ((count = uart_receive(bytes, sizeof bytes)) > 0) omp_core_receive(&core, bytes, count, sub_us());
  while (uart_is_ready() && omp_core_transmit(&core, bytes, 1) == 1) uart_send(bytes[0]);
}

/* Whatever came after the last look is pending, and ends WFI although it is masked. */
static void sleep(void) {
  __asm volatile("cpsid i");
  if (!is_due() && !uart_has_received()) __asm volatile("wfi");
  __asm volatile("cpsie i");
}

int main(void) {
  uart_init(BAUD);
  start_clock();
  boot();
  start_watchdog();
  for (;;) {
    while (is_due()) {
      next_tick += TICK_CYCLES;
      tick();
    }
    serve_line();
    const size_t count = omp_core_store(&core, kept.params);
    if (count > 0) kept.params_bytes = (uint32_t)count;
    sleep();
  }
}
