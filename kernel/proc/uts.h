/*
 * What the kernel calls itself: uname(2) and /proc.
 */
#ifndef KERNEL_UTS_H
#define KERNEL_UTS_H

#define UTS_SYSNAME  "Linux"
#define UTS_NODENAME "limpid"
#define UTS_RELEASE  "6.12.0-limpid"
#define UTS_VERSION  "#1 Limpid"

#define UTS_LEN 65 /* of each, with its NUL */

/* Names that root may change: sys/admin.c. */
struct uts {
	char node[UTS_LEN], domain[UTS_LEN];
};
struct uts uts_get(void);

#endif
