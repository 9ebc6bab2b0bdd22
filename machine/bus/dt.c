/*
 * The device tree: what the board tells the kernel about itself.
 *
 * Node names, compatible strings and cells are those that QEMU's `virt` prints, so that a
 * kernel which finds its way there finds it here; a device that this machine does not have
 * has no node. Interrupts are wired as follows, by phandle:
 *
 *   device --interrupts--> plic --interrupts-extended--> cpu-intc of each hart (11: M, 9: S)
 *                          clint --interrupts-extended--> the same (3: software, 7: timer)
 *
 * The tree is written front to back (libfdt's sequential interface). Errors need no look at
 * each call: libfdt refuses everything after the first one, and fdt_finish reports it.
 *
 * Source: Devicetree Specification 0.4; the bindings of each compatible string.
 */
#include <libfdt.h>
#include <string.h>

#include "machine/machine_state.h"

/* What the harts carry out; who sets A and D is a matter of configuration. */
#define DT_ISA_HEAD "rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zba_zbb_zbs_sstc_"
#define DT_ISA      DT_ISA_HEAD "svadu_svinval"
#define DT_ISA_ADE  DT_ISA_HEAD "svade_svinval"
#define DT_CONSOLE  "/soc/serial@10000000"
#define UART_CLOCK  3686400 /* Hz, as QEMU says */
#define SEED_WORDS  8

enum { PHANDLE_PLIC = 1, PHANDLE_FINISHER, PHANDLE_CPU = 16, PHANDLE_INTC = PHANDLE_CPU + 32 };

/* Strings with their NULs between them, the last one's left to the compiler. */
#define STRINGS(fdt, name, strings) fdt_property(fdt, name, strings, sizeof(strings))

/* "prefix@hexadecimal", as nodes are named. */
static void begin_node_at(void *fdt, const char *prefix, uint64_t address)
{
	char name[48];
	size_t len = strlen(prefix);
	int shift = 60;

	memcpy(name, prefix, len);
	name[len++] = '@';
	while (shift > 0 && !(address >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		name[len++] = "0123456789abcdef"[address >> shift & 15];
	name[len] = 0;
	fdt_begin_node(fdt, name);
}

static void reg(void *fdt, uint64_t address, uint64_t size)
{
	fdt64_t cells[2] = {cpu_to_fdt64(address), cpu_to_fdt64(size)};

	fdt_property(fdt, "reg", cells, sizeof(cells));
}

static void interrupt(void *fdt, uint32_t source)
{
	fdt_property_u32(fdt, "interrupts", source);
	fdt_property_u32(fdt, "interrupt-parent", PHANDLE_PLIC);
}

/* Every hart's interrupts `first` and `second`, hart by hart. */
static void interrupts_extended(void *fdt, const struct machine *m, uint32_t first, uint32_t second)
{
	fdt32_t cells[BOARD_MAX_HARTS * 4];
	unsigned n = 0;

	for (unsigned i = 0; i < m->cfg.harts; i++) {
		cells[n++] = cpu_to_fdt32(PHANDLE_INTC + i);
		cells[n++] = cpu_to_fdt32(first);
		cells[n++] = cpu_to_fdt32(PHANDLE_INTC + i);
		cells[n++] = cpu_to_fdt32(second);
	}
	fdt_property(fdt, "interrupts-extended", cells, (int)(n * sizeof(cells[0])));
}

/* The words of splitmix64 (Steele, Lea, Flood 2014), from the machine's seed. */
static void rng_seed(void *fdt, uint64_t seed)
{
	uint64_t words[SEED_WORDS / 2];

	for (unsigned i = 0; i < SEED_WORDS / 2; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		words[i] = z ^ z >> 31;
	}
	fdt_property(fdt, "rng-seed", words, sizeof(words));
}

static void chosen(void *fdt, const struct machine *m, const char *append, uint64_t initrd_pa,
		   uint64_t initrd_len)
{
	fdt_begin_node(fdt, "chosen");
	if (append && *append)
		fdt_property_string(fdt, "bootargs", append);
	fdt_property_string(fdt, "stdout-path", DT_CONSOLE);
	rng_seed(fdt, m->cfg.seed);
	if (initrd_len) {
		fdt_property_u64(fdt, "linux,initrd-start", initrd_pa);
		fdt_property_u64(fdt, "linux,initrd-end", initrd_pa + initrd_len);
	}
	fdt_end_node(fdt);
}

static void syscon(void *fdt, const char *name, const char *compatible, uint32_t value)
{
	fdt_begin_node(fdt, name);
	fdt_property_u32(fdt, "value", value);
	fdt_property_u32(fdt, "offset", 0);
	fdt_property_u32(fdt, "regmap", PHANDLE_FINISHER);
	fdt_property_string(fdt, "compatible", compatible);
	fdt_end_node(fdt);
}

static void cpu(void *fdt, const struct machine_config *cfg, unsigned id)
{
	static const char *const mmu[] = {"riscv,sv39", "riscv,sv48", "riscv,sv57"};

	begin_node_at(fdt, "cpu", id);
	fdt_property_u32(fdt, "phandle", PHANDLE_CPU + id);
	fdt_property_string(fdt, "device_type", "cpu");
	fdt_property_u32(fdt, "reg", id);
	fdt_property_string(fdt, "status", "okay");
	fdt_property_string(fdt, "compatible", "riscv");
	fdt_property_string(fdt, "riscv,isa", cfg->no_svadu ? DT_ISA_ADE : DT_ISA);
	fdt_property_u32(fdt, "riscv,cbom-block-size", CBO_BLOCK);
	fdt_property_u32(fdt, "riscv,cbop-block-size", CBO_BLOCK);
	fdt_property_u32(fdt, "riscv,cboz-block-size", CBO_BLOCK);
	fdt_property_string(fdt, "mmu-type", mmu[cfg->max_levels - 3]);
	fdt_begin_node(fdt, "interrupt-controller");
	fdt_property_u32(fdt, "#interrupt-cells", 1);
	fdt_property(fdt, "interrupt-controller", NULL, 0);
	fdt_property_string(fdt, "compatible", "riscv,cpu-intc");
	fdt_property_u32(fdt, "phandle", PHANDLE_INTC + id);
	fdt_end_node(fdt);
	fdt_end_node(fdt);
}

static void cpus(void *fdt, const struct machine *m)
{
	fdt_begin_node(fdt, "cpus");
	fdt_property_u32(fdt, "#address-cells", 1);
	fdt_property_u32(fdt, "#size-cells", 0);
	fdt_property_u32(fdt, "timebase-frequency", BOARD_TIMEBASE_HZ);
	for (unsigned i = 0; i < m->cfg.harts; i++)
		cpu(fdt, &m->cfg, i);
	fdt_begin_node(fdt, "cpu-map");
	fdt_begin_node(fdt, "cluster0");
	for (unsigned i = 0; i < m->cfg.harts; i++) {
		char core[] = {'c', 'o', 'r', 'e', (char)('0' + i), 0};

		fdt_begin_node(fdt, core);
		fdt_property_u32(fdt, "cpu", PHANDLE_CPU + i);
		fdt_end_node(fdt);
	}
	fdt_end_node(fdt);
	fdt_end_node(fdt);
	fdt_end_node(fdt);
}
_Static_assert(BOARD_MAX_HARTS <= 10, "a core's number is one digit");

static void soc(void *fdt, const struct machine *m)
{
	fdt_begin_node(fdt, "soc");
	fdt_property_u32(fdt, "#address-cells", 2);
	fdt_property_u32(fdt, "#size-cells", 2);
	fdt_property_string(fdt, "compatible", "simple-bus");
	fdt_property(fdt, "ranges", NULL, 0);

	begin_node_at(fdt, "rtc", BOARD_RTC_BASE);
	interrupt(fdt, BOARD_IRQ_RTC);
	reg(fdt, BOARD_RTC_BASE, BOARD_RTC_SIZE);
	fdt_property_string(fdt, "compatible", "google,goldfish-rtc");
	fdt_end_node(fdt);

	begin_node_at(fdt, "serial", BOARD_UART_BASE);
	interrupt(fdt, BOARD_IRQ_UART);
	fdt_property_u32(fdt, "clock-frequency", UART_CLOCK);
	reg(fdt, BOARD_UART_BASE, BOARD_UART_SIZE);
	fdt_property_string(fdt, "compatible", "ns16550a");
	fdt_end_node(fdt);

	begin_node_at(fdt, "test", BOARD_FINISHER_BASE);
	fdt_property_u32(fdt, "phandle", PHANDLE_FINISHER);
	reg(fdt, BOARD_FINISHER_BASE, BOARD_FINISHER_SIZE);
	STRINGS(fdt, "compatible", "sifive,test1\0sifive,test0\0syscon");
	fdt_end_node(fdt);

	for (unsigned slot = 0; slot < BOARD_VIRTIO_SLOTS; slot++) {
		uint64_t base = BOARD_VIRTIO_BASE + (uint64_t)slot * BOARD_VIRTIO_SIZE;

		begin_node_at(fdt, "virtio_mmio", base);
		interrupt(fdt, BOARD_IRQ_VIRTIO + slot);
		reg(fdt, base, BOARD_VIRTIO_SIZE);
		fdt_property_string(fdt, "compatible", "virtio,mmio");
		fdt_end_node(fdt);
	}

	begin_node_at(fdt, "plic", BOARD_PLIC_BASE);
	fdt_property_u32(fdt, "phandle", PHANDLE_PLIC);
	fdt_property_u32(fdt, "riscv,ndev", BOARD_PLIC_SOURCES);
	reg(fdt, BOARD_PLIC_BASE, BOARD_PLIC_SIZE);
	interrupts_extended(fdt, m, IRQ_MEIP, IRQ_SEIP);
	fdt_property(fdt, "interrupt-controller", NULL, 0);
	STRINGS(fdt, "compatible", "sifive,plic-1.0.0\0riscv,plic0");
	fdt_property_u32(fdt, "#address-cells", 0);
	fdt_property_u32(fdt, "#interrupt-cells", 1);
	fdt_end_node(fdt);

	begin_node_at(fdt, "clint", BOARD_CLINT_BASE);
	interrupts_extended(fdt, m, IRQ_MSIP, IRQ_MTIP);
	reg(fdt, BOARD_CLINT_BASE, BOARD_CLINT_SIZE);
	STRINGS(fdt, "compatible", "sifive,clint0\0riscv,clint0");
	fdt_end_node(fdt);

	fdt_end_node(fdt);
}

size_t dt_build(const struct machine *m, void *buf, size_t size, const char *append,
		uint64_t initrd_pa, uint64_t initrd_len)
{
	if (size > INT32_MAX || fdt_create(buf, (int)size))
		return 0;
	fdt_finish_reservemap(buf);
	fdt_begin_node(buf, "");
	fdt_property_u32(buf, "#address-cells", 2);
	fdt_property_u32(buf, "#size-cells", 2);
	fdt_property_string(buf, "compatible", "riscv-virtio");
	fdt_property_string(buf, "model", "riscv-virtio,limpid");

	chosen(buf, m, append, initrd_pa, initrd_len);
	syscon(buf, "poweroff", "syscon-poweroff", FINISHER_PASS);
	syscon(buf, "reboot", "syscon-reboot", FINISHER_RESET);

	begin_node_at(buf, "memory", BOARD_RAM_BASE);
	fdt_property_string(buf, "device_type", "memory");
	reg(buf, BOARD_RAM_BASE, m->ram_size);
	fdt_end_node(buf);

	cpus(buf, m);
	soc(buf, m);
	fdt_end_node(buf);
	return fdt_finish(buf) ? 0 : fdt_totalsize(buf);
}
