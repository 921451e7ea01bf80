/* Vector table and reset of a Cortex-M3. */
#include <stdint.h>

#include "registers.h"
#include "uart.h"

typedef void (*vector)(void);

extern uint32_t stack_top[], data_image[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);
void reset(void);

void reset(void) {
  const uint32_t *from = data_image;
  for (uint32_t *to = data_start; to < data_end; to++) *to = *from++;
  for (uint32_t *to = bss_start; to < bss_end; to++) *to = 0;
  (void)main();
  for (;;) {
  }
}

/* Faults and the watchdog's NMI end here; the watchdog's second timeout resets the board. */
static void stop(void) {
  for (;;) {
  }
}

/* Leaves WFI; the clock is TIMER0, because a counted interrupt is lost while interrupts are late. */
static void wake(void) {}

__attribute__((section(".vectors"), used)) static const vector vectors[16 + 2] = {
    (vector)stack_top, reset, stop, stop, stop, stop, stop, 0, 0, 0, 0, stop, stop, 0, stop, wake, uart_interrupt, uart_interrupt,
};
