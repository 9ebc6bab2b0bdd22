/*
 * Trap causes (RISC-V Privileged Architecture 1.12, table 3.6). Interrupt
 * codes are the bit numbers IRQ_* of csr.h, with the top bit of xcause set.
 */
#ifndef RV_TRAP_H
#define RV_TRAP_H

#define CAUSE_INTERRUPT 0x8000000000000000

#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL          2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_ECALL_U          8
#define CAUSE_ECALL_S          9
#define CAUSE_ECALL_M          11
#define CAUSE_FETCH_PAGE       12
#define CAUSE_LOAD_PAGE        13
#define CAUSE_STORE_PAGE       15

#endif
