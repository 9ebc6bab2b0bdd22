/*
 * A gdb to test the debugger's stub with: sends packets, and takes apart what comes back.
 */
#ifndef MACHINE_GDB_PEER_H
#define MACHINE_GDB_PEER_H

#include <stdio.h>

#include "machine/debug/gdb.h"
#include "rv/pte.h"
#include "test/unit/machine_board.h"

#define RAM   BOARD_RAM_BASE
#define CODE  (RAM + 0x1000)
#define DATA  (RAM + 0x8000)
#define ROOT  (RAM + 0x10000)
#define NPTES 512

struct peer {
	struct board b;
	struct gdb *g;
	char got[1 << 24]; /* all that came, since the last packet was sent */
	size_t len;
	uint64_t total;
	char answer[GDB_PACKET + 1]; /* data of the last packet */
	char text[1 << 17];          /* of O packets */
	size_t text_len;
};

static void hear(void *ctx, const void *buf, size_t len)
{
	struct peer *p = ctx;

	p->total += len;
	if (len > sizeof(p->got) - p->len)
		len = sizeof(p->got) - p->len;
	memcpy(p->got + p->len, buf, len);
	p->len += len;
}

static void peer_init(struct peer *p, unsigned harts)
{
	board_init(&p->b, 4 << 20, harts);
	machine_start_bare(p->b.m, paddr(CODE));
	p->len = p->text_len = 0;
	p->total = 0;
	p->g = gdb_create(p->b.m, hear, p);
	assert_non_null(p->g);
}

static void peer_fini(struct peer *p)
{
	gdb_destroy(p->g);
	board_fini(&p->b);
}

static void put_packet(struct peer *p, const char *data, size_t len)
{
	char frame[2 * GDB_PACKET + 64];
	uint8_t sum = 0;

	assert_true(len + 4 < sizeof(frame));
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + (uint8_t)data[i]);
	frame[0] = '$';
	memcpy(frame + 1, data, len);
	snprintf(frame + 1 + len, 4, "#%02x", sum);
	p->len = p->text_len = 0;
	gdb_feed(p->g, frame, len + 4);
}

/* => the byte that two hexadecimal digits say. (sscanf looks for the end of its string first.) */
static inline uint8_t hex_byte(const char *at)
{
	const char digits[] = {at[0], at[1], 0};
	char *end;
	unsigned long byte = strtoul(digits, &end, 16);

	assert_ptr_equal(end, digits + 2);
	return (uint8_t)byte;
}

/* Takes the packets in got[] apart: the text of O packets, and the answer. */
static void understand(struct peer *p)
{
	const char *at = p->got, *end = p->got + p->len;

	p->answer[0] = 0;
	while (at < end) {
		uint8_t sum = 0;
		size_t n;

		if (*at++ == '+')
			continue;
		assert_int_equal(at[-1], '$');
		for (n = 0; at + n < end && at[n] != '#'; n++)
			sum = (uint8_t)(sum + (uint8_t)at[n]);
		assert_true(at + n + 3 <= end);
		assert_int_equal(hex_byte(at + n + 1), sum);
		assert_true(n <= GDB_PACKET);
		memcpy(p->answer, at, n);
		p->answer[n] = 0;
		if (at[0] == 'O' && at[1] != 'K')
			for (size_t i = 1; i < n && p->text_len < sizeof(p->text) - 1; i += 2)
				p->text[p->text_len++] = (char)hex_byte(at + i);
		at += n + 3;
	}
	p->text[p->text_len] = 0;
}

static inline const char *ask(struct peer *p, const char *data)
{
	put_packet(p, data, strlen(data));
	understand(p);
	return p->answer;
}

/* Resumes, and runs until gdb is told something. */
static inline const char *resume(struct peer *p, const char *data)
{
	ask(p, data);
	p->len = 0;
	for (unsigned i = 0; i < 1000 && p->len == 0; i++)
		gdb_run(p->g, machine_clock(p->b.m, 0) + 1000);
	understand(p);
	return p->answer;
}

static inline const char *monitor(struct peer *p, const char *command)
{
	char data[512] = "qRcmd,";

	for (size_t i = 0; command[i]; i++)
		snprintf(data + 6 + 2 * i, 3, "%02x", (unsigned char)command[i]);
	assert_string_equal(ask(p, data), "OK");
	return p->text;
}

/* A register by gdb's number. */
static inline uint64_t reg(struct peer *p, unsigned number)
{
	char data[16];
	uint8_t bytes[8];
	uint64_t value;

	snprintf(data, sizeof(data), "p%x", number);
	ask(p, data);
	assert_int_equal(strlen(p->answer), 16);
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = hex_byte(p->answer + 2 * i);
	memcpy(&value, bytes, 8);
	return value;
}

static inline const char *set_reg(struct peer *p, unsigned number, uint64_t value)
{
	char data[40];
	int n = snprintf(data, sizeof(data), "P%x=", number);

	for (unsigned i = 0; i < 8; i++)
		n += snprintf(data + n, 3, "%02x", (unsigned)(value >> (8 * i)) & 0xff);
	return ask(p, data);
}

static void put_code(struct peer *p, uint64_t pa, const uint32_t *code, size_t len)
{
	assert_true(machine_ram_write(p->b.m, paddr(pa), code, len));
}

static void put_pte(struct peer *p, uint64_t table, unsigned index, uint64_t pa, unsigned bits)
{
	uint64_t pte = pa >> RV_PAGE_SHIFT << PTE_PPN_SHIFT | bits;

	assert_true(machine_ram_write(p->b.m, paddr(table + 8 * index), &pte, 8));
}

#define CSR(n) (GDB_REG_CSR0 + (n))
#define SV39   ((uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | ROOT >> RV_PAGE_SHIFT)

/* 0x40000000 is a 2 MiB page at RAM; 0x3000, 0x4000 are apart; 0x5000 is no RAM. */
static inline void map_some(struct peer *p)
{
	uint64_t l1 = ROOT + 0x1000, l0 = ROOT + 0x2000, l1b = ROOT + 0x3000;

	put_pte(p, ROOT, 0, l1, PTE_V);
	put_pte(p, l1, 0, l0, PTE_V);
	put_pte(p, l0, 3, DATA, PTE_V | PTE_R | PTE_W | PTE_U);
	put_pte(p, l0, 4, DATA + 0x3000, PTE_V | PTE_X);
	put_pte(p, l0, 5, BOARD_UART_BASE, PTE_V | PTE_R | PTE_W);
	put_pte(p, ROOT, 1, l1b, PTE_V);
	put_pte(p, l1b, 0, RAM, PTE_V | PTE_R);
	set_reg(p, CSR(CSR_SATP), SV39);
	set_reg(p, CSR(CSR_PMPADDR0), UINT64_MAX); /* all, in U-mode too */
	set_reg(p, CSR(CSR_PMPCFG0), 0x1f);
	set_reg(p, GDB_REG_PRV, PRV_U);
}

/* loop: sd a0, 8(a1); ld a2, 8(a1); addi a0, a0, 1; j loop, in 4-byte forms */
static const uint32_t loop[] = {0x00a5b423, 0x0085b603, 0x00150513, 0xff5ff06f};

static void start_loop(struct peer *p, unsigned harts)
{
	peer_init(p, harts);
	put_code(p, CODE, loop, sizeof(loop));
	for (unsigned i = 0; i < harts; i++)
		p->b.m->harts[i].x[11] = DATA + 0x100 * i;
}

static struct peer peer; /* too large for the stack */

#endif
