/*
 * Page-table entries and the geometry of Sv39, Sv48 and Sv57.
 *
 * Source: RISC-V Privileged Architecture 1.12, sections 4.3 to 4.6. Levels are
 * numbered as there: the leaf level of 4 KiB pages is 0, the root of Sv39 is 2.
 *
 *      63   54 53                    10  9 8  7 6 5 4 3 2 1 0
 *     | resvd |          PPN           | RSW |D A G U X W R V|
 */
#ifndef RV_PTE_H
#define RV_PTE_H

#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_G 0x20
#define PTE_A 0x40
#define PTE_D 0x80

#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK  0x003ffffffffffc00
#define PTE_RESERVED  0xffc0000000000000 /* bits 63..54: N, PBMT and reserved; all absent here */

#define RV_PAGE_SHIFT   12
#define RV_PAGE_SIZE    0x1000
#define RV_PTE_PER_PAGE 512
#define RV_VPN_BITS     9

#define SV39_LEVELS 3
#define SV48_LEVELS 4
#define SV57_LEVELS 5

/* Shift of the page or superpage that a leaf at `level` maps. */
#define RV_LEVEL_SHIFT(level) (RV_PAGE_SHIFT + RV_VPN_BITS * (level))

/* VPN[level] of a virtual address. */
#define RV_VPN(va, level) (((va) >> RV_LEVEL_SHIFT(level)) & (RV_PTE_PER_PAGE - 1))

#endif
