/* The `--tlb` option. */
#ifndef TOOL_TLB_H
#define TOOL_TLB_H

#include <stdbool.h>

#include "machine/machine.h"

/*
 * Reads a description of the TLBs into cfg; what it does not name stays as it is.
 *   ITEM[,ITEM...]   fetch=SHAPE  data=SHAPE  l1=SHAPE (one for both)  l2=SHAPE  l2=none  walk=N
 *   SHAPE            ENTRIES[:WAYS][:lru|plru|fifo|random][:4k|4k+2m|4k+2m+1g|all]
 * => false: a line that names the item and the reason was printed.
 */
bool tlb_option(const char *verb, const char *value, struct machine_config *cfg);

/* "sv39", "sv48" or "sv57" into cfg->max_levels. => as above. */
bool paging_option(const char *verb, const char *value, struct machine_config *cfg);

/* One line for a use of a stale translation. */
void stale_complain(const struct stale_translation *what);

#endif
