/* The inside of `struct machine`; for files under machine/ only. */
#ifndef MACHINE_STATE_H
#define MACHINE_STATE_H

#include "machine/bus/bus.h"
#include "machine/hart/hart.h"
#include "machine/machine.h"
#include "abi/board.h"

#define BUS_MAX_DEVICES 24
#define MACHINE_MAX_MEM 512 /* blocks that machine_zalloc may hand out */

#define BREAKS_MAX 64

/* Breakpoints and watchpoints, and the one that was met last. */
struct breaks {
	struct {
		enum machine_break kind;
		uint64_t va, len;
	} at[BREAKS_MAX];
	unsigned n, nexec; /* all; of these BREAK_EXEC */
	bool stopped;      /* `hit` waits to be told by machine_run */
	struct break_hit hit;
	uint64_t
	    passed; /* clock at which a BREAK_EXEC stopped hit.hart: it is not met again there */
};

struct machine {
	struct machine_config cfg;
	struct machine_host host;

	uint8_t *ram; /* host memory of guest RAM */
	uint64_t ram_size;

	struct hart harts[BOARD_MAX_HARTS];

	struct bus_device devices[BUS_MAX_DEVICES];
	unsigned ndevices;
	unsigned virtio_slots;   /* bit i: slot i has a device */
	struct plic *plic;       /* dev/plic.c */
	struct uart *uart;       /* dev/uart.c */
	struct rtc *rtc;         /* dev/rtc.c */
	struct console *console; /* dev/virtio_console.c */

	struct hart *last;                /* whose turn was the latest */
	struct hart *current;             /* whose turn it is; NULL outside hart_run */
	struct hart *stepping;            /* machine_run ends, and clears it, after its next step */
	struct hart *only;                /* the others stand still; NULL: none does */
	bool stream_closed[STREAM_COUNT]; /* the host refused a write: swallow all later ones */

	/* The SBI firmware's own state, per hart. */
	uint64_t sbi_timer[BOARD_MAX_HARTS]; /* ticks; UINT64_MAX: off. Used while STCE is off */
	bool sbi_suspended[BOARD_MAX_HARTS]; /* HART_WAITING because of an HSM suspend */

	char message[192]; /* what machine_load complains about */

	struct code_cache *code; /* hart/code.h */
	struct {
		struct space_count *at;
		unsigned n, size;
	} spaces;             /* mmu/space.c */
	struct breaks breaks; /* hart/break.c */

	bool builtin_sbi; /* an ECALL from S-mode is answered by sbi_call */
	bool stop_requested, finished, reset_requested;
	unsigned finish_code;

	struct {
		void *mem;
		size_t len;
	} blocks[MACHINE_MAX_MEM];
	unsigned nblocks;
};

/* Gives h's counts since the last call to the address space that had them. mmu/space.c */
void space_settle(struct hart *h);

/* Whether execution of pc at this clock stops before it. hart/break.c */
bool break_exec(struct hart *h, uint64_t pc, uint64_t clock);
/* Notes an access that a watchpoint may wait for. */
void break_access(struct hart *h, enum access access, uint64_t va, unsigned size);

/* Devices, in the order of the board. Each attaches itself to the bus; false: no memory. */
bool finisher_create(struct machine *m);
bool uart_create(struct machine *m);
bool clint_create(struct machine *m);
bool plic_create(struct machine *m);
bool rtc_create(struct machine *m);
bool virtio_console_create(struct machine *m, unsigned slot);

/* Level of a PLIC source; the PLIC drives SEIP and MEIP of the harts. */
void plic_set_level(struct machine *m, unsigned source, bool level);

/* Terminal input for the UART's receiver. => how many of `len` bytes its FIFO took. */
size_t uart_input(struct machine *m, const void *buf, size_t len);

/*
 * Input as the firmware hands it on: from the UART's receiver. If there is none, the host will be
 * asked, as when the guest listens. => how many bytes, up to `len`.
 */
size_t uart_take(struct machine *m, void *buf, size_t len);

/* The moment (clock) at which the UART asks the host for input; UINT64_MAX if never. */
uint64_t uart_deadline(const struct machine *m);

/* Asks the host for input, if the guest listens; `clock` is now. */
void uart_poll(struct machine *m, uint64_t clock);

/* The same for the terminal. */
uint64_t tty_deadline(const struct machine *m);
void tty_poll(struct machine *m, uint64_t clock);

/* The moment (clock) at which the real-time clock's alarm rings; UINT64_MAX if never. */
uint64_t rtc_deadline(const struct machine *m);

/* Rings the alarm if it is due at `clock`. */
void rtc_update(struct machine *m, uint64_t clock);

/* Nanoseconds since reset, as the hart sees it whose turn it is. */
uint64_t machine_now(const struct machine *m);

/*
 * Writes to a stream of the host.
 * => false: the stream is closed (now, or since an earlier write); nothing was written.
 */
bool machine_emit(struct machine *m, enum machine_stream s, const void *buf, size_t len);

/*
 * The machine ends before any hart's next step: with the finisher's code, or for a reset.
 */
void machine_finish(struct machine *m, unsigned code);
void machine_reset_request(struct machine *m);

/*
 * What firmware leaves behind when it enters a supervisor at `pc` with these arguments: reset
 * registers, delegation, counters and timers open to S-mode. sbi/sbi.c
 * => h is HART_RUNNING; its clock and its counters go on.
 */
void sbi_enter_supervisor(struct hart *h, uint64_t pc, uint64_t a1);

/*
 * The built-in SBI firmware's answer to an ECALL from S-mode; registers a0 to a7 of `h` are
 * arguments and results. SBI 2.0.
 */
void sbi_call(struct hart *h);

/* Builds the device tree into buf. => its size, 0 if it does not fit. bus/dt.c */
size_t dt_build(const struct machine *m, void *buf, size_t size, const char *append,
		uint64_t initrd_pa, uint64_t initrd_len);

#endif
