/*
 * From head.S to kernel_main(): what the device tree says, the kernel's page
 * tables, the frame allocator, the hart's own data.
 *
 * The early table maps the image alone. First the GiB that holds the image and
 * those that hold the device tree join it, where the linear map will have them,
 * so that arch_kva() works. The tree then says how much RAM there is and which
 * of it is taken, and the final tables are built from a small pool in the
 * image, since there is no allocator yet:
 *
 *	linear map    1 GiB leaves where RAM fills the GiB, else 2 MiB leaves; 4 KiB
 *	              leaves for the image's 2 MiB and for an uneven end of RAM
 *	image         4 KiB leaves
 *
 * In either map no page is both writable and executable, and the image's text
 * and constants are read-only in both. After the switch of satp the image's
 * first pages up to the pool's last used table are the kernel's; what the pool
 * has left over is free memory.
 *
 * Anything wrong here stops the kernel with one line on the firmware's console.
 */
#include "kernel/arch/riscv/riscv.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"

#define MAX_HARTS 64
#define MAX_TAKEN 32 /* ranges that the device tree says are in use */
#define POOL_TABLES                                                                                \
	12 /* at most: root, 3 of the image, 4 of the linear map, 1 of devices, spare              \
	    */
#define MAX_DT_SIZE 0x200000
#define CBOZ_MIN    16 /* smaller blocks would be slower than stores */

#define GIB  (1UL << 30)
#define MIB2 (1UL << 21)

extern char _text[], _rodata[], _data[], _end[], boot_stack[];

unsigned boot_nharts;

struct percpu boot_percpus[MAX_HARTS];

static uint8_t pool[POOL_TABLES][PAGE_SIZE] __attribute__((section(".bss.tables"), aligned(4096)));
static unsigned pool_used;

/* What the device tree told. Physical ranges are [start, end). */
static struct board {
	uint64_t ram_start, ram_end;
	uint64_t initrd_start, initrd_end; /* equal: none */
	uint64_t finisher;                 /* 0: none */
	uint64_t timebase_hz, seed;
	bool has_sstc;
	uint64_t cboz_block; /* bytes that a cbo.zero zeroes; 0: the hart has none */
	bool no_zicboz;      /* the command line says so */
	struct {
		uint64_t start, end;
	} taken[MAX_TAKEN];
	unsigned ntaken;
} board;

void arch_boot(uint64_t hartid, uint64_t dt_pa, pte_t *early_table);

/* -- device tree --------------------------------------------------------------------------- */

static void board_take(uint64_t base, uint64_t size)
{
	if (board.ntaken == MAX_TAKEN)
		panic("device tree: more than %u reserved ranges", MAX_TAKEN);
	board.taken[board.ntaken].start = base;
	board.taken[board.ntaken++].end = base + size;
}

static void read_memory(const struct dt *dt, const struct dt_node *n)
{
	uint64_t linear_size = DEVICE_VA_START - (uint64_t)arch_kva(PADDR(LINEAR_PA));
	uint64_t base, size;

	for (unsigned i = 0; dt_reg(dt, n, i, &base, &size); i++) {
		if (base <= KERNEL_PA && KERNEL_PA < base + size) {
			board.ram_start = base < LINEAR_PA ? LINEAR_PA : base;
			board.ram_end = base + size;
			/* The linear map ends where the devices begin. */
			if (board.ram_end - LINEAR_PA > linear_size) {
				board.ram_end = LINEAR_PA + linear_size;
				kprintf("memory beyond %lu GiB is not used\n", linear_size / GIB);
			}
		} else if (size) {
			kprintf("memory at %lx, %lu KiB, is apart from the kernel's: not used\n",
				base, size >> 10);
		}
	}
}

/* => whether a list of words, each behind a separator but maybe the first, has the word. */
static bool has_word(const char *list, char separator, const char *word)
{
	size_t len = strlen(word);

	while (list) {
		if (strncmp(list, word, len) == 0 && (list[len] == separator || !list[len]))
			return true;
		list = strchr(list, separator);
		list += list != NULL;
	}
	return false;
}

static void read_cpu(const struct dt *dt, const struct dt_node *n, uint64_t boot_hartid)
{
	const char *type = dt_prop_string(dt, n, "device_type");
	const char *isa = dt_prop_string(dt, n, "riscv,isa");
	uint64_t hartid;

	if (!type || strcmp(type, "cpu") != 0 || !dt_prop_number(dt, n, "reg", &hartid))
		return;
	if (boot_nharts == MAX_HARTS)
		panic("device tree: more than %u harts", MAX_HARTS);
	boot_percpus[boot_nharts].hartid = hartid;
	boot_percpus[boot_nharts].index = boot_nharts;
	boot_nharts++;
	if (hartid != boot_hartid || !isa)
		return;
	board.has_sstc = has_word(isa, '_', "sstc");
	if (!has_word(isa, '_', "zicboz") ||
	    !dt_prop_number(dt, n, "riscv,cboz-block-size", &board.cboz_block))
		board.cboz_block = 0;
}

static void read_chosen(const struct dt *dt, const struct dt_node *n)
{
	uint32_t len;
	const uint8_t *seed = dt_prop(dt, n, "rng-seed", &len);
	const char *line = dt_prop_string(dt, n, "bootargs");

	board.no_zicboz = line && has_word(line, ' ', "zicboz=off");
	if (!dt_prop_number(dt, n, "linux,initrd-start", &board.initrd_start) ||
	    !dt_prop_number(dt, n, "linux,initrd-end", &board.initrd_end) ||
	    board.initrd_end < board.initrd_start)
		board.initrd_start = board.initrd_end = 0;
	for (uint32_t i = 0; seed && i < len; i++) /* FNV-1a's multiplier */
		board.seed = (board.seed ^ seed[i]) * 0x100000001b3;
}

/* One pass over the tree fills in `board`, and boot_percpus[] in the tree's order of harts. */
static void board_read(const struct dt *dt, uint64_t boot_hartid)
{
	enum { OTHER, CPUS, RESERVED } below = OTHER;
	struct dt_walk w;
	struct dt_node n;
	uint64_t base, size;

	dt_walk_init(&w, dt, NULL);
	while (dt_walk_next(&w, &n)) {
		const char *name = dt_name(dt, &n);

		if (n.depth == 1) {
			below = OTHER;
			if (strncmp(name, "memory@", 7) == 0 || strcmp(name, "memory") == 0) {
				read_memory(dt, &n);
			} else if (strcmp(name, "cpus") == 0) {
				below = CPUS;
				dt_prop_number(dt, &n, "timebase-frequency", &board.timebase_hz);
			} else if (strcmp(name, "reserved-memory") == 0) {
				below = RESERVED;
			} else if (strcmp(name, "chosen") == 0) {
				read_chosen(dt, &n);
			}
		}
		if (below == CPUS) {
			if (n.depth == 2)
				read_cpu(dt, &n, boot_hartid);
		} else if (below == RESERVED) {
			for (unsigned i = 0; n.depth == 2 && dt_reg(dt, &n, i, &base, &size); i++)
				board_take(base, size);
		} else if (dt_is_compatible(dt, &n, "sifive,test0")) {
			if (dt_reg(dt, &n, 0, &base, &size))
				board.finisher = base;
		}
	}
	for (unsigned i = 0; dt_reserved(dt, i, &base, &size); i++)
		board_take(base, size);
}

/* -- page tables --------------------------------------------------------------------------- */

static uint64_t pool_alloc(void)
{
	if (pool_used == POOL_TABLES)
		return 0;
	memset(pool[pool_used], 0, PAGE_SIZE);
	return arch_pa(pool[pool_used++]).v;
}

static void map(uint64_t va, uint64_t pa, uint64_t len, unsigned level, uint64_t bits)
{
	if (!pt_map_kernel(va, pa, len, level, bits, pool_alloc))
		panic("boot: %u page tables are not enough", POOL_TABLES);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The linear map of [start, end) with the largest leaves that fit, but none across the image. */
static void map_linear(uint64_t start, uint64_t end)
{
	uint64_t image = ROUND_DOWN(KERNEL_PA, MIB2);
	uint64_t text_end = arch_pa(_data).v; /* text and constants: read-only */

	while (start < end) {
		uint64_t va = (uint64_t)arch_kva(PADDR(start)), stop;
		uint64_t bits = PTE_R | PTE_W;
		unsigned level = 0;

		if (start % GIB == 0 && start + GIB <= end &&
		    (image < start || image >= start + GIB)) {
			stop = start + GIB;
			level = 2;
		} else if (start % MIB2 == 0 && start + MIB2 <= end && start != image) {
			stop = lower(ROUND_DOWN(start, GIB) + GIB, ROUND_DOWN(end, MIB2));
			stop = start < image ? lower(stop, image) : stop;
			level = 1;
		} else {
			stop = lower(ROUND_DOWN(start, MIB2) + MIB2, end);
			if (start < KERNEL_PA) {
				stop = lower(stop, KERNEL_PA);
			} else if (start < text_end) {
				stop = lower(stop, text_end);
				bits = PTE_R;
			}
		}
		/* here: [start, stop) has leaves of one level with the same rights */
		map(va, start, stop - start, level, bits);
		start = stop;
	}
}

static void map_image(const char *start, const char *end, uint64_t bits)
{
	map((uint64_t)start, arch_pa(start).v, (uint64_t)(end - start), 0, bits);
}

static void tables_build(void)
{
	pt_kernel_root = pool_alloc();
	map_linear(ROUND_UP(board.ram_start, PAGE_SIZE), ROUND_DOWN(board.ram_end, PAGE_SIZE));
	map_image(_text, _rodata, PTE_R | PTE_X);
	map_image(_rodata, _data, PTE_R);
	map_image(_data, _end, PTE_R | PTE_W);
	map(DEVICE_VA_START, 0, 0, 1, 0);
	csr_write(CSR_SATP, pt_satp(pt_kernel_root));
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* -- frames -------------------------------------------------------------------------------- */

static void frames_start(uint64_t dt_pa, uint64_t dt_size)
{
	uint64_t tables = arch_pa(pool).v, tables_end = tables + pool_used * PAGE_SIZE;

	frame_init(PADDR(board.ram_start), PADDR(board.ram_end));
	frame_seed(board.seed);
	frame_reserve(PADDR(KERNEL_PA), PADDR(tables), TF_KERNEL);
	frame_reserve(PADDR(tables), PADDR(tables_end), TF_PAGETABLE);
	frame_reserve(PADDR(dt_pa), PADDR(dt_pa + dt_size), TF_RESERVED);
	for (unsigned i = 0; i < board.ntaken; i++)
		frame_reserve(PADDR(board.taken[i].start), PADDR(board.taken[i].end), TF_RESERVED);
	frame_reserve(PADDR(board.initrd_start), PADDR(board.initrd_end), TF_FILE);
	frame_ready();
}

/* -- the way ------------------------------------------------------------------------------- */

static void percpu_set(struct percpu *p)
{
	p->stack_top = (uint64_t)boot_stack + BOOT_STACK_SIZE;
	riscv_percpu = p;
}

/* The early table's entry for the GiB of pa, at its place in the linear map. */
static void early_map(pte_t *early_table, uint64_t pa)
{
	uint64_t gib = ROUND_DOWN(pa, GIB), va = (uint64_t)arch_kva(PADDR(gib));

	if (pa < LINEAR_PA)
		panic("device tree at %lx, below RAM", pa);
	early_table[RV_VPN(va, 2)].v =
	    gib >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
}

/* Entered from head.S on the boot stack. */
void arch_boot(uint64_t hartid, uint64_t dt_pa, pte_t *early_table)
{
	struct dt dt;
	unsigned index = 0;

	percpu_set(&boot_percpus[0]);
	trap_init_hart();
	sbi_init();
	pt_mode_init(SV39_LEVELS);
	early_map(early_table, LINEAR_PA);
	early_map(early_table, dt_pa);
	early_map(early_table, dt_pa + MAX_DT_SIZE);
	__asm__ volatile("sfence.vma" ::: "memory");

	if (dt_open(&dt, arch_kva(PADDR(dt_pa)), MAX_DT_SIZE) != 0)
		panic("no well-formed device tree at %lx", dt_pa);
	board.timebase_hz = 0;
	board_read(&dt, hartid);
	if (!board.ram_end)
		panic("device tree: no memory at %lx, where the kernel is", (uint64_t)KERNEL_PA);
	if (!board.timebase_hz)
		panic("device tree: /cpus has no timebase-frequency");
	while (index < boot_nharts && boot_percpus[index].hartid != hartid)
		index++;
	if (index == boot_nharts)
		panic("device tree: no hart %lu, which started the kernel", hartid);
	percpu_set(&boot_percpus[index]);

	if (!board.no_zicboz && board.cboz_block >= CBOZ_MIN && board.cboz_block <= PAGE_SIZE / 8 &&
	    (board.cboz_block & (board.cboz_block - 1)) == 0)
		page_cboz_block = board.cboz_block;
	tables_build();
	frames_start(dt_pa, dt.size);
	percpu()->timer_ns = 0;
	sbi_timer_init(board.has_sstc, board.timebase_hz);
	if (board.finisher)
		sbi_finisher_set(arch_map_device(PADDR(board.finisher), PAGE_SIZE));
	kernel_main(arch_kva(PADDR(dt_pa)));
}

/* -- the other harts ----------------------------------------------------------------------- */

#define HART_STACK_ORDER 2

/* head.S: for a hart that the firmware sends to the wrong place. */
extern uint64_t boot_percpu_pa[BOOT_HARTIDS];

void arch_hart_boot(void);

/* Entered from head.S on the hart's own stack, with the kernel's half mapped. */
void arch_hart_boot(void)
{
	trap_init_hart();
	percpu()->timer_ns = 0;
	arch_timer_set(UINT64_MAX);
	kernel_hart_main();
}

unsigned arch_harts_start(void)
{
	unsigned n = 1;

	for (unsigned i = 0; i < boot_nharts; i++) {
		struct percpu *p = &boot_percpus[i];
		struct frame *stack;

		if (p == percpu())
			continue;
		stack =
		    p->hartid < BOOT_HARTIDS ? frame_alloc(HART_STACK_ORDER, TF_KALLOC, 0) : NULL;
		if (!stack)
			continue;
		p->stack_top = (uint64_t)frame_kva(stack) + (PAGE_SIZE << HART_STACK_ORDER);
		p->boot_satp = pt_satp(pt_kernel_root);
		__atomic_store_n(&boot_percpu_pa[p->hartid], arch_pa(p).v, __ATOMIC_RELEASE);
		__asm__ volatile("fence w, w" ::: "memory");
		if (sbi_hart_start(p->hartid, arch_pa((void *)secondary_start).v, arch_pa(p).v))
			n++;
		else
			frame_free(stack, HART_STACK_ORDER);
	}
	return n;
}
