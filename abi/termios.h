/*
 * Facts of Linux's terminals on riscv64, as of version 6.12: requests of ioctl, flags and
 * structures. Nothing here is Limpid's own. (FIONREAD, FIONBIO and their like: linux.h.)
 */
#ifndef ABI_TERMIOS_H
#define ABI_TERMIOS_H

#include "abi/linux.h"

/* -- requests ----------------------------------------------------------------------------- */

#define TCSETS     0x5402
#define TCSETSW    0x5403
#define TCSETSF    0x5404
#define TCGETA     0x5405
#define TCSETA     0x5406
#define TCSETAW    0x5407
#define TCSETAF    0x5408
#define TCSBRK     0x5409
#define TCXONC     0x540a
#define TCFLSH     0x540b
#define TIOCEXCL   0x540c
#define TIOCNXCL   0x540d
#define TIOCSCTTY  0x540e
#define TIOCSPGRP  0x5410
#define TIOCOUTQ   0x5411
#define TIOCSTI    0x5412
#define TIOCSWINSZ 0x5414
#define TIOCNOTTY  0x5422
#define TIOCSETD   0x5423
#define TIOCGETD   0x5424
#define TCSBRKP    0x5425
#define TIOCSBRK   0x5427
#define TIOCCBRK   0x5428
#define TIOCGSID   0x5429
#define TCGETS2    0x802c542a
#define TCSETS2    0x402c542b
#define TCSETSW2   0x402c542c
#define TCSETSF2   0x402c542d
#define TIOCGDEV   0x80045432
#define TIOCGEXCL  0x80045440

/* Arguments of TCXONC and TCFLSH. */
#define TCOOFF    0
#define TCOON     1
#define TCIOFF    2
#define TCION     3
#define TCIFLUSH  0
#define TCOFLUSH  1
#define TCIOFLUSH 2

/* -- settings ----------------------------------------------------------------------------- */

#define NCC  8
#define NCCS 19

/* Indices of c_cc. */
#define VINTR    0
#define VQUIT    1
#define VERASE   2
#define VKILL    3
#define VEOF     4
#define VTIME    5
#define VMIN     6
#define VSWTC    7
#define VSTART   8
#define VSTOP    9
#define VSUSP    10
#define VEOL     11
#define VREPRINT 12
#define VDISCARD 13
#define VWERASE  14
#define VLNEXT   15
#define VEOL2    16

/* c_iflag */
#define IGNBRK  0x0001
#define BRKINT  0x0002
#define IGNPAR  0x0004
#define PARMRK  0x0008
#define INPCK   0x0010
#define ISTRIP  0x0020
#define INLCR   0x0040
#define IGNCR   0x0080
#define ICRNL   0x0100
#define IUCLC   0x0200
#define IXON    0x0400
#define IXANY   0x0800
#define IXOFF   0x1000
#define IMAXBEL 0x2000
#define IUTF8   0x4000

/* c_oflag */
#define OPOST  0x0001
#define OLCUC  0x0002
#define ONLCR  0x0004
#define OCRNL  0x0008
#define ONOCR  0x0010
#define ONLRET 0x0020
#define TABDLY 0x1800
#define XTABS  0x1800

/* c_cflag */
#define CSIZE  0x0030
#define CS8    0x0030
#define CREAD  0x0080
#define HUPCL  0x0400
#define CBAUD  0x100f
#define B38400 0x000f

/* c_lflag */
#define ISIG    0x0001
#define ICANON  0x0002
#define XCASE   0x0004
#define ECHO    0x0008
#define ECHOE   0x0010
#define ECHOK   0x0020
#define ECHONL  0x0040
#define NOFLSH  0x0080
#define TOSTOP  0x0100
#define ECHOCTL 0x0200
#define ECHOPRT 0x0400
#define ECHOKE  0x0800
#define FLUSHO  0x1000
#define PENDIN  0x4000
#define IEXTEN  0x8000
#define EXTPROC 0x10000

#define N_TTY 0 /* TIOCGETD: the usual line discipline */

/* TCGETS2; TCGETS without the two speeds at its end. */
struct linux_termios2 {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[NCCS];
	uint32_t ispeed, ospeed;
};
#define LINUX_TERMIOS_SIZE 36

/* TCGETA: of System V. */
struct linux_termio {
	uint16_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[NCC];
	uint8_t pad;
};

struct linux_winsize {
	uint16_t rows, cols, xpixel, ypixel;
};

_Static_assert(sizeof(struct linux_termios2) == 44, "");
_Static_assert(__builtin_offsetof(struct linux_termios2, ispeed) == LINUX_TERMIOS_SIZE, "");
_Static_assert(sizeof(struct linux_termio) == 18, "");
_Static_assert(sizeof(struct linux_winsize) == 8, "");

#endif
