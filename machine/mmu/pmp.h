/* Physical memory protection. */
#ifndef MMU_PMP_H
#define MMU_PMP_H

#include "machine/hart/hart.h"

/*
 * Whether an access of privilege prv to the bytes [pa, pa + len) is allowed. If it is for a range,
 * it is for all that lies within it.
 */
bool pmp_allows(const struct hart *h, uint64_t pa, uint64_t len, enum access access, unsigned prv);

/* The CSRs pmpcfg0, pmpcfg2 (which = 0, 1) and pmpaddr0 to pmpaddr15. */
uint64_t pmp_cfg_read(const struct hart *h, unsigned which);
void pmp_cfg_write(struct hart *h, unsigned which, uint64_t value);
uint64_t pmp_addr_read(const struct hart *h, unsigned entry);
void pmp_addr_write(struct hart *h, unsigned entry, uint64_t value);

/* Lets every mode reach everything, as a firmware does that protects nothing. */
void pmp_open(struct hart *h);

#endif
