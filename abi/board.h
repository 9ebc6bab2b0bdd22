/*
 * The board: physical addresses and interrupt numbers of QEMU's `virt`.
 *
 * Read from the device tree that QEMU 7.2 prints with `-M virt,dumpdtb=`. The
 * kernel takes all of these from the device tree; this file is for the machine
 * and for bare test programs.
 */
#ifndef ABI_BOARD_H
#define ABI_BOARD_H

#define BOARD_FINISHER_BASE 0x00100000
#define BOARD_FINISHER_SIZE 0x1000
#define BOARD_RTC_BASE      0x00101000
#define BOARD_RTC_SIZE      0x1000
#define BOARD_CLINT_BASE    0x02000000
#define BOARD_CLINT_SIZE    0x10000
#define BOARD_PLIC_BASE     0x0c000000
#define BOARD_PLIC_SIZE     0x600000
#define BOARD_UART_BASE     0x10000000
#define BOARD_UART_SIZE     0x100
#define BOARD_VIRTIO_BASE   0x10001000 /* slot n at BASE + n * SIZE */
#define BOARD_VIRTIO_SIZE   0x1000
#define BOARD_VIRTIO_SLOTS  8
#define BOARD_RAM_BASE      0x80000000
#define BOARD_KERNEL_OFFSET 0x200000 /* where a supervisor image is loaded, from RAM's start */

#define BOARD_IRQ_VIRTIO   1 /* slot n at VIRTIO + n */
#define BOARD_IRQ_UART     10
#define BOARD_IRQ_RTC      11
#define BOARD_PLIC_SOURCES 96
#define BOARD_MAX_HARTS    8

#define BOARD_TIMEBASE_HZ 10000000
#define BOARD_NS_PER_TICK 100 /* a retired instruction is 1 ns */

/*
 * The finisher's register: a 32-bit store ends the run. The code, 16 bits, is
 * in the upper half of a FAIL. Limpid's kernel puts there what a shell would
 * see in `$?`, and FINISHER_SIGNALED when the first process died of a signal.
 */
#define FINISHER_FAIL     0x3333
#define FINISHER_PASS     0x5555
#define FINISHER_RESET    0x7777
#define FINISHER_SIGNALED 0x100

#endif
