/*
 * The machine as a whole: made, run, looked at, taken apart.
 *
 * Turns. One hart runs at a time, and who runs when is a function of the machine's state alone:
 *
 *   now     the least clock among harts that run
 *   event   the earliest moment at which a timer of a waiting hart, or the real-time clock's
 *           alarm, fires, or the serial port or the terminal asks the host for input
 *   window  ends at the next multiple of cfg.turn after `now`, or at `event` if that is earlier; if
 *           only one hart runs, at `event`
 *
 * The lowest-numbered running hart whose clock is inside the window runs until the window's end.
 * So harts stay within one turn of each other, and a hart alone is never interrupted. A waiting
 * hart costs nothing: its clock stays behind, and catches up when it wakes. When all harts
 * wait, time skips to `event`; if there is none, the machine is stuck. With a host that has an
 * `idle` call, as when a terminal is attached, it does not skip: the host says how much of it
 * has passed, which is an input like any other.
 *
 * I1. A limit only ends machine_run between two steps; it plays no part in the choice of turns.
 *     So a run in many parts is the same as a run in one.
 * I2. At the start of a hart's turn its timer bits are right for its clock, and its deadline is
 *     not behind its clock.
 * I3. What one hart does to another (interrupt, start) takes effect not before the clock of the
 *     one who does it, if the other one waits or is stopped.
 */
#include "machine/machine.h"

#include <string.h>

#include "machine/hart/code.h"
#include "machine/machine_state.h"
#include "rv/pte.h"

/*
 * Steps of a turn when several harts run. Short enough that a hart which spins for another loses
 * little, long enough that the change of turns does not show (some 100 ns against 20 us).
 */
#define DEFAULT_TURN 10000

/* The largest physical address that a PTE can name is 56 bits. */
#define MAX_MEMORY ((1ull << 56) - BOARD_RAM_BASE)

/* -- life --------------------------------------------------------------------------------- */

void machine_config_init(struct machine_config *cfg)
{
	*cfg = (struct machine_config){
	    .memory_size = 128ull << 20,
	    .harts = 1,
	    .tlb =
		{
		    [TLB_L1_FETCH] = {.entries = 32, .ways = 32, .sizes = TLB_ALL_SIZES},
		    [TLB_L1_DATA] = {.entries = 32, .ways = 32, .sizes = TLB_ALL_SIZES},
		    [TLB_L2] = {.entries = 512, .ways = 4, .sizes = TLB_ALL_SIZES},
		},
	    .max_levels = 5,
	    .turn = DEFAULT_TURN,
	    .has_stream = {[STREAM_STDIN] = true,
			   [STREAM_STDOUT] = true,
			   [STREAM_STDERR] = true,
			   [STREAM_UART] = true},
	    .epoch_ns = 1767225600000000000, /* 2026-01-01 00:00:00 UTC */
	};
#ifdef LIMPID_NO_TLB_MODEL /* see exec.c: what a machine would do that models nothing */
	cfg->tlb[TLB_L1_FETCH] = cfg->tlb[TLB_L1_DATA] =
	    (struct tlb_geometry){.entries = 4096, .ways = 1, .sizes = 1};
	cfg->tlb[TLB_L2] = (struct tlb_geometry){.sizes = 1};
#endif
}

static const char *config_check(const struct machine_config *cfg)
{
	if (cfg->memory_size == 0 || cfg->memory_size % RV_PAGE_SIZE)
		return "the memory size is not a multiple of 4 KiB";
	if (cfg->memory_size > MAX_MEMORY || cfg->memory_size > SIZE_MAX)
		return "the memory size is larger than the machine can address";
	if (cfg->harts < 1 || cfg->harts > BOARD_MAX_HARTS)
		return "the number of harts is not between 1 and 8";
	if (cfg->turn == 0 || cfg->turn > 1000000000)
		return "a hart's turn is 1 to 1,000,000,000 steps";
	if (cfg->max_levels < 3 || cfg->max_levels > 5)
		return "the deepest paging mode has 3, 4 or 5 levels";
	for (unsigned kind = 0; kind < TLB_KINDS; kind++) {
		const char *why = tlb_geometry_check(&cfg->tlb[kind], kind == TLB_L2);

		if (why)
			return why;
	}
	if (cfg->walk_cache > TLB_MAX_ENTRIES)
		return "a walk cache has at most 4096 entries";
	return NULL;
}
_Static_assert(BOARD_MAX_HARTS == 8 && TLB_MAX_ENTRIES == 4096, "named in config_check");

static bool board_create(struct machine *m)
{
	return plic_create(m) && clint_create(m) && finisher_create(m) && rtc_create(m) &&
	       uart_create(m) && virtio_console_create(m, 0);
}

static bool harts_create(struct machine *m)
{
	if (!code_init(m))
		return false;
	for (unsigned i = 0; i < m->cfg.harts; i++) {
		struct hart *h = &m->harts[i];

		m->sbi_timer[i] = UINT64_MAX;
		if (!hart_init(h, m, i))
			return false;
	}
	return true;
}

struct machine *machine_create(const struct machine_config *cfg, const struct machine_host *host,
			       const char **why)
{
	struct machine *m;

	*why = config_check(cfg);
	if (*why)
		return NULL;
	*why = "out of memory for the machine";
	m = host->mem_alloc(host->ctx, sizeof(*m));
	if (!m)
		return NULL;
	m->cfg = *cfg;
	m->cfg.no_lookaside |= cfg->check_tlb; /* every use of a translation is checked */
	m->host = *host;
	m->ram = host->mem_alloc(host->ctx, cfg->memory_size);
	if (!m->ram) {
		*why = "out of memory for the guest's RAM";
		host->mem_free(host->ctx, m, sizeof(*m));
		return NULL;
	}
	m->ram_size = cfg->memory_size;
	if (!board_create(m) || !harts_create(m)) {
		machine_destroy(m);
		return NULL;
	}
	*why = NULL;
	return m;
}

void machine_destroy(struct machine *m)
{
	struct machine_host host;

	if (!m)
		return;
	host = m->host;
	for (unsigned i = 0; i < m->nblocks; i++)
		host.mem_free(host.ctx, m->blocks[i].mem, m->blocks[i].len);
	host.mem_free(host.ctx, m->ram, m->ram_size);
	host.mem_free(host.ctx, m, sizeof(*m));
}

/* -- RAM ---------------------------------------------------------------------------------- */

bool machine_ram_write(struct machine *m, paddr_t pa, const void *buf, size_t len)
{
	void *p = bus_dma(m, pa.v, len, true);

	if (p && len)
		memcpy(p, buf, len);
	return p != NULL;
}

bool machine_ram_read(const struct machine *m, paddr_t pa, void *buf, size_t len)
{
	uint64_t offset = pa.v - BOARD_RAM_BASE;

	if (offset >= m->ram_size || len > m->ram_size - offset)
		return false;
	memcpy(buf, m->ram + offset, len);
	return true;
}

void *machine_ram_at(struct machine *m, paddr_t pa, size_t len)
{
	return bus_dma(m, pa.v, len, false);
}

uint64_t machine_ram_size(const struct machine *m)
{
	return m->ram_size;
}

/* -- what parts of the machine ask of the whole ------------------------------------------- */

uint64_t machine_now(const struct machine *m)
{
	return m->current ? m->current->clock : m->harts[0].clock;
}

bool machine_emit(struct machine *m, enum machine_stream s, const void *buf, size_t len)
{
	if (!m->cfg.has_stream[s] || m->stream_closed[s])
		return false;
	if (len && m->host.stream_write(m->host.ctx, s, buf, len) != (long)len)
		m->stream_closed[s] = true;
	return !m->stream_closed[s];
}

static void leave_all(struct machine *m)
{
	for (unsigned i = 0; i < m->cfg.harts; i++)
		m->harts[i].leave = true;
}

void machine_finish(struct machine *m, unsigned code)
{
	m->finished = m->stop_requested = true;
	m->finish_code = code;
	leave_all(m);
}

void machine_reset_request(struct machine *m)
{
	m->reset_requested = m->stop_requested = true;
	leave_all(m);
}

void machine_request_stop(struct machine *m)
{
	m->stop_requested = true;
	leave_all(m);
}

unsigned machine_finish_code(const struct machine *m)
{
	return m->finish_code;
}

/* -- running ------------------------------------------------------------------------------ */

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What the choice of turns depends on; see the head of this file. */
struct schedule {
	unsigned running; /* harts */
	uint64_t now;     /* UINT64_MAX if none runs */
	uint64_t event;
	uint64_t poll; /* when the UART or the terminal asks for input */
};

/* The moment at which the host is asked for input; UINT64_MAX: never. */
static uint64_t input_deadline(const struct machine *m)
{
	return min(uart_deadline(m), tty_deadline(m));
}

static void input_poll(struct machine *m, uint64_t clock)
{
	uart_poll(m, clock);
	tty_poll(m, clock);
}

/* Harts whose interrupt has come stop waiting. */
static void wake(struct machine *m)
{
	for (unsigned i = 0; i < m->cfg.harts; i++) {
		struct hart *h = &m->harts[i];

		if (h->status == HART_WAITING && trap_pending(h)) {
			h->status = HART_RUNNING;
			m->sbi_suspended[i] = false;
		}
	}
}

static struct schedule survey(const struct machine *m)
{
	struct schedule s = {0, UINT64_MAX, rtc_deadline(m), input_deadline(m)};

	for (unsigned i = 0; i < m->cfg.harts; i++) {
		const struct hart *h = &m->harts[i];
		uint64_t timer;

		if (h->status == HART_RUNNING) {
			s.running++;
			if (h->clock < s.now)
				s.now = h->clock;
		} else if (h->status == HART_WAITING) {
			timer = hart_timer_deadline(h);
			if (timer < s.event)
				s.event = timer;
		}
	}
	return s;
}

/* Lets what is due at `clock` happen: waiting harts reach it, the alarm rings. */
static void reach(struct machine *m, uint64_t clock)
{
	for (unsigned i = 0; i < m->cfg.harts; i++) {
		struct hart *h = &m->harts[i];

		if (h->status != HART_WAITING)
			continue;
		if (h->clock < clock)
			h->clock = clock;
		hart_timer_update(h);
	}
	rtc_update(m, clock);
	if (uart_deadline(m) <= clock)
		uart_poll(m, clock);
	if (tty_deadline(m) <= clock)
		tty_poll(m, clock);
}

/*
 * No hart runs: time passes without steps, until something happens or `limit` is reached.
 * => true: *stop says why the run ends.
 */
static bool pass_time(struct machine *m, const struct schedule *s, uint64_t limit,
		      enum machine_stop *stop)
{
	uint64_t event = m->host.idle ? s->event : min(s->event, s->poll);
	uint64_t end = min(event, limit), now = 0, passed;

	*stop = event == UINT64_MAX && s->poll == UINT64_MAX ? STOP_STUCK : STOP_LIMIT;
	if (*stop == STOP_STUCK)
		return true;
	for (unsigned i = 0; i < m->cfg.harts; i++)
		if (m->harts[i].status == HART_WAITING && m->harts[i].clock > now)
			now = m->harts[i].clock;
	if (!m->host.idle || now >= end) {
		reach(m, end);
		return event >= limit;
	}
	passed = m->host.idle(m->host.ctx, event == UINT64_MAX ? UINT64_MAX : end - now,
			      s->poll != UINT64_MAX);
	passed = min(passed, end - now);
	reach(m, now + passed);
	if (now + passed < end)
		input_poll(m, now + passed); /* input came first */
	return now + passed >= limit;
}

/* The hart whose turn it is. => not NULL: the hart at `now` is inside every window. */
static struct hart *next_hart(struct machine *m, uint64_t window)
{
	for (unsigned i = 0; i < m->cfg.harts; i++) {
		struct hart *h = &m->harts[i];

		if (h->status == HART_RUNNING && h->clock < window)
			return h;
	}
	return NULL;
}

static void take_turn(struct machine *m, struct hart *h, uint64_t deadline)
{
	hart_timer_update(h);
	h->deadline = min(deadline, hart_timer_deadline(h));
	h->leave = false;
	if (m->cfg.harts > 1)
		mmu_watch_reservations(h);
	m->last = h;
	m->current = h;
	hart_run(h);
	m->current = NULL;
}

/* A turn, or one step of it if that is all that is wanted. */
static void turn_of(struct machine *m, struct hart *h, uint64_t deadline)
{
	uint64_t before = h->clock;

	if (h != m->stepping) {
		take_turn(m, h, deadline);
		return;
	}
	take_turn(m, h, min(deadline, before + 1));
	if (h->clock != before) {
		m->stepping = NULL;
		m->stop_requested = true;
	}
}

enum machine_stop machine_run(struct machine *m, uint64_t limit)
{
	for (;;) {
		struct schedule s;
		struct hart *h;
		uint64_t window;
		enum machine_stop stop;

		if (m->finished)
			return STOP_FINISHED;
		if (m->reset_requested)
			return STOP_RESET;
		if (m->stop_requested) {
			m->stop_requested = false;
			if (!m->breaks.stopped)
				return STOP_LIMIT;
			m->breaks.stopped = false;
			return STOP_BREAK;
		}
		wake(m);
		if (m->only) {
			if (m->only->status != HART_RUNNING || m->only->clock >= limit)
				return STOP_LIMIT;
			turn_of(m, m->only, limit);
			continue;
		}
		s = survey(m);
		if (!s.running) {
			if (pass_time(m, &s, limit, &stop))
				return stop;
			continue;
		}
		s.event = min(s.event, s.poll);
		if (s.event <= s.now) {
			reach(m, s.event);
			continue;
		}
		window = s.event;
		if (s.running > 1)
			window = min(window, (s.now / m->cfg.turn + 1) * m->cfg.turn);
		h = next_hart(m, window);
		if (h->clock >= limit)
			return STOP_LIMIT;
		turn_of(m, h, min(window, limit));
	}
}

/* -- looking ------------------------------------------------------------------------------ */

unsigned machine_harts(const struct machine *m)
{
	return m->cfg.harts;
}

void machine_counters(const struct machine *m, unsigned hart, struct hart_counters *out)
{
	hart_counters_get(&m->harts[hart], out);
}

uint64_t machine_clock(const struct machine *m, unsigned hart)
{
	return m->harts[hart].clock;
}

void machine_last_fault(const struct machine *m, unsigned hart, struct fault_record *out)
{
	*out = m->harts[hart].last_fault;
}

void machine_regs(const struct machine *m, unsigned hart, struct hart_regs *out)
{
	const struct hart *h = &m->harts[hart];

	memcpy(out->x, h->x, sizeof(out->x));
	memcpy(out->f, h->f, sizeof(out->f));
	out->pc = h->pc;
	out->fcsr = h->fcsr;
	out->mstatus = h->mstatus;
	out->satp = h->satp;
	out->scause = h->scause;
	out->sepc = h->sepc;
	out->stval = h->stval;
	out->stvec = h->stvec;
	out->sscratch = h->sscratch;
	out->prv = h->prv;
}

static void hash_hart(const struct hart *h, uint64_t *hash)
{
	struct hart_counters count;
	uint64_t state[] = {
	    h->pc,
	    h->fcsr,
	    h->prv,
	    h->mstatus,
	    h->medeleg,
	    h->mideleg,
	    h->mie,
	    h->mip,
	    h->mtvec,
	    h->mscratch,
	    h->mepc,
	    h->mcause,
	    h->mtval,
	    h->stvec,
	    h->sscratch,
	    h->sepc,
	    h->scause,
	    h->stval,
	    h->satp,
	    h->stimecmp,
	    h->menvcfg,
	    h->mcounteren,
	    h->mcountinhibit,
	    h->seip_written,
	    h->scounteren,
	    h->senvcfg,
	    h->minstret_bias,
	    h->mcycle_bias,
	    h->reservation_valid,
	    h->reservation_valid ? h->reservation_pa : 0,
	    h->status,
	    h->clock,
	    h->mtimecmp,
	    h->m->sbi_timer[h->id],
	    h->m->sbi_suspended[h->id],
	};

	machine_hash_bytes(hash, h->x, 32 * sizeof(h->x[0])); /* the sink is no register */
	machine_hash_bytes(hash, h->f, sizeof(h->f));
	machine_hash_bytes(hash, h->pmpcfg, sizeof(h->pmpcfg));
	machine_hash_bytes(hash, h->pmpaddr, sizeof(h->pmpaddr));
	machine_hash_bytes(hash, state, sizeof(state));
	hart_counters_get(h, &count);
	machine_hash_bytes(hash, &count, sizeof(count));
	mmu_hash(h, hash);
}

static bool is_zero(const uint8_t *page)
{
	/* A page is zero if its first byte is, and each byte equals the one before it. */
	return page[0] == 0 && memcmp(page, page + 1, RV_PAGE_SIZE - 1) == 0;
}

uint64_t machine_state_hash(const struct machine *m)
{
	uint64_t hash = m->ram_size;

	for (unsigned i = 0; i < m->cfg.harts; i++)
		hash_hart(&m->harts[i], &hash);
	for (uint64_t pa = 0; pa < m->ram_size; pa += RV_PAGE_SIZE) {
		if (is_zero(m->ram + pa))
			continue;
		machine_hash_bytes(&hash, &pa, sizeof(pa));
		machine_hash_bytes(&hash, m->ram + pa, RV_PAGE_SIZE);
	}
	for (unsigned i = 0; i < m->ndevices; i++)
		m->devices[i].hash(m->devices[i].self, &hash);
	return hash;
}
_Static_assert(sizeof(struct hart_counters) % sizeof(uint64_t) == 0, "hashed without padding");
