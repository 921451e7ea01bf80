#include "uart.h"

#include "registers.h"

enum { RING_BYTES = 1024 };

static volatile uint8_t ring[RING_BYTES];
/* Count bytes since the start; the interrupt owns the first, the main loop the second. */
static volatile uint32_t received;
static volatile uint32_t taken;

void uart_init(uint32_t baud) {
  UART0_BAUDDIV = SYSTEM_CLOCK_HZ / baud;
  UART0_CTRL = UART_TX | UART_RX | UART_TX_INTERRUPT | UART_RX_INTERRUPT;
  NVIC_ENABLE0 = 3;
}

/*
 * The order matters: a byte that arrives between the read of DATA and a later clear would have its interrupt cleared with the old one,
 * and reception would stand still.
 */
void uart_interrupt(void) {
  UART0_INTSTATUS = UART0_INTSTATUS;
  while ((UART0_STATE & UART_RX_FULL) != 0) {
    const uint8_t byte = (uint8_t)UART0_DATA;
    /* A full ring loses what comes; the frame's checksum tells. */
    if (received - taken < RING_BYTES) ring[received++ % RING_BYTES] = byte;
  }
}

size_t uart_receive(uint8_t *bytes, size_t capacity) {
  size_t count = 0;
  while (count < capacity && received != taken) bytes[count++] = ring[taken++ % RING_BYTES];
  return count;
}

bool uart_has_received(void) { return received != taken; }

bool uart_is_ready(void) { return (UART0_STATE & UART_TX_FULL) == 0; }

void uart_send(uint8_t byte) { UART0_DATA = byte; }
