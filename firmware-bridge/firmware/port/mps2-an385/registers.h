/* Registers of the CMSDK peripherals and of the Cortex-M3 core that this port uses (Arm DDI 0479, DDI 0403). */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* CMSDK APB timer 0: counts down at the system clock. */
#define TIMER0_CTRL REGISTER(0x40000000u)
#define TIMER0_VALUE REGISTER(0x40000004u)
#define TIMER0_RELOAD REGISTER(0x40000008u)
enum { TIMER_ENABLE = 1 };

/* CMSDK APB UART 0. */
#define UART0_DATA REGISTER(0x40004000u)
#define UART0_STATE REGISTER(0x40004004u)
#define UART0_CTRL REGISTER(0x40004008u)
/* Read: what is pending. Write: clears it. */
#define UART0_INTSTATUS REGISTER(0x4000400Cu)
#define UART0_BAUDDIV REGISTER(0x40004010u)
enum { UART_TX_FULL = 1, UART_RX_FULL = 2 };
enum { UART_TX = 1, UART_RX = 2, UART_TX_INTERRUPT = 4, UART_RX_INTERRUPT = 8 };

/* CMSDK watchdog: its first timeout is an NMI, its second a reset. */
#define WATCHDOG_LOAD REGISTER(0x40008000u)
#define WATCHDOG_CTRL REGISTER(0x40008008u)
#define WATCHDOG_INTCLR REGISTER(0x4000800Cu)
#define WATCHDOG_LOCK REGISTER(0x40008C00u)
enum { WATCHDOG_INTERRUPT = 1, WATCHDOG_RESET = 2, WATCHDOG_UNLOCK = 0x1ACCE551 };

/* CMSDK system controller: why the last reset happened; written bits are cleared. */
#define SYSCON_RSTINFO REGISTER(0x4001F010u)
enum { RSTINFO_SOFTWARE = 1, RSTINFO_WATCHDOG = 2 };

/* Armv7-M. */
#define SYSTICK_CTRL REGISTER(0xE000E010u)
#define SYSTICK_LOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)
#define NVIC_ENABLE0 REGISTER(0xE000E100u)
enum { SYSTICK_ENABLE = 1, SYSTICK_INTERRUPT = 2, SYSTICK_CORE_CLOCK = 4 };

enum { SYSTEM_CLOCK_HZ = 25000000 };

#endif
