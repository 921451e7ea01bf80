/* The line to the host: CMSDK UART 0, received by interrupt, sent byte by byte when there is room. */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void uart_init(uint32_t baud);

/* Takes at most `capacity` bytes that have arrived. */
size_t uart_receive(uint8_t *bytes, size_t capacity);

bool uart_has_received(void);

/* Whether `uart_send` may be called. */
bool uart_is_ready(void);
void uart_send(uint8_t byte);

/* For the vector table. */
void uart_interrupt(void);

#endif
