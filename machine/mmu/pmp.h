/* Physical memory protection. */
#ifndef MMU_PMP_H
#define MMU_PMP_H

#include "machine/hart/hart.h"

/*
 * Whether an access of privilege prv to the 4 KiB frame of pa is allowed. The grain is a frame, so
 * the answer holds for every byte of it.
 */
bool pmp_allows(const struct hart *h, uint64_t pa, enum access access, unsigned prv);

/* The CSRs pmpcfg0, pmpcfg2 (which = 0, 1) and pmpaddr0 to pmpaddr15. */
uint64_t pmp_cfg_read(const struct hart *h, unsigned which);
void pmp_cfg_write(struct hart *h, unsigned which, uint64_t value);
uint64_t pmp_addr_read(const struct hart *h, unsigned entry);
void pmp_addr_write(struct hart *h, unsigned entry, uint64_t value);

/* Lets every mode reach everything, as a firmware does that protects nothing. */
void pmp_open(struct hart *h);

#endif
