# Limpid. `make help` lists the targets; doc/building.md explains the build.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

BUILD ?= build
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
AR := ar
CROSS ?= riscv64-linux-gnu-
PREFIX ?= /usr/local
Q := $(if $(V),,@)
say = $(if $(Q),@echo "  $(1)	$(2)")

# A sub-make builds with every core unless the user said -j.
JOBS = $(if $(findstring -j,$(MAKEFLAGS))$(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all
all: $(BUILD)/limpid $(BUILD)/kernel.elf user

.PHONY: help
help:
	@echo 'make            build build/limpid, the kernel inside it, and the programs of user/'
	@echo 'make run        install what is missing, build, run user/tour with its statistics'
	@echo 'make check      formatting, include rules, unit tests: seconds'
	@echo 'make test       install what is missing, build, run every test: minutes'
	@echo 'make bench      host CPU time beside native and QEMU; costs of the kernel beside Linux'
	@echo 'make soak       longer random runs'
	@echo 'make debug      build/debug/limpid: with a kernel that checks itself'
	@echo 'make readme     write what its commands print now into README.md'
	@echo 'make deps       install what is missing (Debian; as root or through sudo)'
	@echo 'make install    PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make clean      remove $(BUILD)/'
	@echo 'Variables: CC=clang, WERROR=1, SANITIZE=1, V=1, BUILD=folder'

# -- flags -----------------------------------------------------------------------------------
# A file under $(BUILD)/flags holds the text of a variable, and changes only when the text does.
# Whatever is made with the variable depends on the file.
.PHONY: FORCE
.PRECIOUS: $(BUILD)/flags/%
$(BUILD)/flags/%: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_$*)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_$*)' > $@

# -- host: machine, lens, tool ---------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wno-unused-parameter
ifdef WERROR
WARN += -Werror
endif
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT ?= $(if $(SANITIZE),-O1 -g $(ASAN),-O2 -g)
HOST_CFLAGS := -std=gnu17 $(OPT) $(WARN) -fno-strict-aliasing -ffp-contract=off -I. -MMD -MP
HOST_LDLIBS := -lfdt -ljansson

MACHINE_SRC := $(wildcard machine/*.c machine/*/*.c)
LENS_SRC := $(wildcard lens/*.c)
TOOL_SRC := $(wildcard tool/*.c)
HOST_SRC := $(MACHINE_SRC) $(LENS_SRC) $(TOOL_SRC)
HOST_OBJ := $(HOST_SRC:%.c=$(BUILD)/host/%.o) $(BUILD)/host/tool/kernel_image.o
FLAGS_host := $(CC) $(HOST_CFLAGS) $(CFLAGS)
FLAGS_host_link := $(CC) $(OPT) $(LDFLAGS) $(HOST_OBJ) $(HOST_LDLIBS)

$(BUILD)/host/%.o: %.c $(BUILD)/flags/host
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) -c $< -o $@

# The kernel image is embedded, stripped of what only debuggers read.
$(BUILD)/host/tool/kernel_image.o: tool/kernel_image.S $(BUILD)/kernel.stripped $(BUILD)/flags/host
	@mkdir -p $(@D)
	$(Q)$(CC) -DKERNEL_IMAGE='"$(BUILD)/kernel.stripped"' -c $< -o $@

$(BUILD)/limpid: $(HOST_OBJ) $(BUILD)/flags/host_link $(BUILD)/kernel.symbols
	$(call say,LD,$@)
	$(Q)$(CC) $(OPT) $(LDFLAGS) $(HOST_OBJ) -o $@ $(HOST_LDLIBS)

# -- kernel ----------------------------------------------------------------------------------
KERNEL_SRC := $(filter-out kernel/arch/host/%,$(wildcard kernel/*.c kernel/*/*.c kernel/*/*/*.c))
KERNEL_ASM := $(wildcard kernel/arch/riscv/*.S)
KERNEL_OBJ := $(KERNEL_SRC:%.c=$(BUILD)/%.o) $(KERNEL_ASM:%.S=$(BUILD)/%.S.o)
KERNEL_CFLAGS := -std=gnu17 -O2 -g $(WARN) -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany \
        -ffreestanding -fno-stack-protector -fno-pie -fno-strict-aliasing -fno-common \
        -fno-asynchronous-unwind-tables -nostdlib -I. -MMD -MP
KERNEL_LDFLAGS := -nostdlib -static --no-undefined --fatal-warnings --no-warn-rwx-segments \
        -z noexecstack --build-id=none
FLAGS_kernel := $(CROSS)gcc $(KERNEL_CFLAGS) $(KCFLAGS)
FLAGS_kernel_link := $(CROSS)ld $(KERNEL_LDFLAGS) $(KERNEL_OBJ)

$(BUILD)/kernel/%.o: kernel/%.c $(BUILD)/flags/kernel
	@mkdir -p $(@D)
	$(call say,KCC,$<)
	$(Q)$(CROSS)gcc $(KERNEL_CFLAGS) $(KCFLAGS) -c $< -o $@

$(BUILD)/kernel/%.S.o: kernel/%.S $(BUILD)/flags/kernel
	@mkdir -p $(@D)
	$(call say,KAS,$<)
	$(Q)$(CROSS)gcc $(KERNEL_CFLAGS) -c $< -o $@

# The page of code that every program gets, linked as a shared object of its own.
VDSO := kernel/arch/riscv/vdso/vdso
$(BUILD)/vdso.so: $(VDSO).S $(VDSO).ld $(BUILD)/flags/kernel
	$(call say,VDSO,$@)
	$(Q)$(CROSS)gcc -march=rv64imac_zicsr_zifencei -mabi=lp64 -I. -c $< -o $(BUILD)/vdso.o
	$(Q)$(CROSS)ld -shared -soname linux-vdso.so.1 --hash-style=both --build-id=none \
		-z max-page-size=4096 -T $(VDSO).ld $(BUILD)/vdso.o -o $@.full
	$(Q)$(CROSS)objcopy --strip-all $@.full $@

$(BUILD)/kernel/arch/riscv/vdso_image.S.o: kernel/arch/riscv/vdso_image.S $(BUILD)/vdso.so
	@mkdir -p $(@D)
	$(Q)$(CROSS)gcc $(KERNEL_CFLAGS) -DVDSO_IMAGE='"$(BUILD)/vdso.so"' -c $< -o $@

# No library is linked, so an undefined symbol, libc's or compiler's, ends the build here.
$(BUILD)/kernel.elf: kernel/arch/riscv/kernel.ld $(KERNEL_OBJ) $(BUILD)/flags/kernel_link
	$(call say,KLD,$@)
	$(Q)$(CROSS)ld $(KERNEL_LDFLAGS) -Map=$(BUILD)/kernel.map -T $< $(KERNEL_OBJ) -o $@

# And no function of libc's may hide in it under its own name, but those the compiler calls.
$(BUILD)/kernel.symbols: $(BUILD)/kernel.elf test/check/kernel-symbols
	$(Q)test/check/kernel-symbols $(CROSS) $< $(BUILD)/kernel.map $(BUILD)/kernel/ > $@

$(BUILD)/kernel.stripped: $(BUILD)/kernel.elf
	$(Q)$(CROSS)objcopy --strip-all $< $@

# The same kernel with all its checks on: what is free is poisoned, objects have red zones, and
# allocations fail on demand. Only the kernel differs.
.PHONY: debug
debug: $(BUILD)/debug/limpid

DEBUG_OBJ := $(KERNEL_SRC:%.c=$(BUILD)/debug/%.o) $(filter %.S.o,$(KERNEL_OBJ))
DEBUG_CFLAGS := $(KERNEL_CFLAGS) -DLIMPID_DEBUG
FLAGS_debug := $(CROSS)gcc $(DEBUG_CFLAGS) $(KCFLAGS)
FLAGS_debug_link := $(CROSS)ld $(KERNEL_LDFLAGS) $(DEBUG_OBJ)

$(BUILD)/debug/kernel/%.o: kernel/%.c $(BUILD)/flags/debug
	@mkdir -p $(@D)
	$(call say,KCC,$< (debug))
	$(Q)$(CROSS)gcc $(DEBUG_CFLAGS) $(KCFLAGS) -c $< -o $@

$(BUILD)/debug/kernel.elf: kernel/arch/riscv/kernel.ld $(DEBUG_OBJ) $(BUILD)/flags/debug_link
	$(call say,KLD,$@)
	$(Q)$(CROSS)ld $(KERNEL_LDFLAGS) -Map=$(BUILD)/debug/kernel.map -T $< $(DEBUG_OBJ) -o $@

$(BUILD)/debug/kernel_image.o: tool/kernel_image.S $(BUILD)/debug/kernel.elf $(BUILD)/flags/host
	$(Q)$(CROSS)objcopy --strip-all $(BUILD)/debug/kernel.elf $(BUILD)/debug/kernel.stripped
	$(Q)$(CC) -DKERNEL_IMAGE='"$(BUILD)/debug/kernel.stripped"' -c $< -o $@

$(BUILD)/debug/limpid: $(HOST_OBJ) $(BUILD)/debug/kernel_image.o $(BUILD)/flags/host_link
	$(call say,LD,$@)
	$(Q)$(CC) $(OPT) $(LDFLAGS) $(filter-out %/kernel_image.o,$(HOST_OBJ)) \
		$(BUILD)/debug/kernel_image.o -o $@ $(HOST_LDLIBS)

# -- guest programs --------------------------------------------------------------------------
# The same bytes wherever the tree lies, so that the same run counts the same.
USER_CFLAGS := -std=gnu17 -O0 -g -fno-omit-frame-pointer -Wall -Wextra -static -I. -MMD -MP \
        -ffile-prefix-map=$(CURDIR)=.
USER_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard user/*.c))
GUEST_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard test/guest/*.c))
NATIVE_BIN := $(patsubst test/guest/%.c,$(BUILD)/test/native/%,$(wildcard test/guest/*.c))
FLAGS_user := $(CROSS)gcc $(USER_CFLAGS)
FLAGS_native := $(CC) $(USER_CFLAGS)

.PHONY: user
user: $(USER_BIN)

$(BUILD)/user/%: user/%.c $(BUILD)/flags/user
	@mkdir -p $(@D)
	$(call say,UCC,$<)
	$(Q)$(CROSS)gcc $(USER_CFLAGS) $< -o $@

$(BUILD)/test/guest/%: test/guest/%.c $(BUILD)/flags/user
	@mkdir -p $(@D)
	$(call say,UCC,$<)
	$(Q)$(CROSS)gcc $(USER_CFLAGS) $< -o $@ -lm

# The same programs for the host: Linux itself is the reference of what they print.
$(BUILD)/test/native/%: test/guest/%.c $(BUILD)/flags/native
	@mkdir -p $(@D)
	$(call say,CC,$< (native))
	$(Q)$(CC) $(USER_CFLAGS) $< -o $@ -lm

# Differential tests, for both as well. Optimised: they are long.
MODEL_CFLAGS := $(filter-out -O0,$(USER_CFLAGS)) -O1 -Wno-unused-result
MODEL_BIN := $(BUILD)/test/model/memory $(BUILD)/test/native/memory $(BUILD)/test/model/races
FLAGS_model := $(CC) $(CROSS)gcc $(MODEL_CFLAGS)

$(BUILD)/test/model/%: test/model/%.c $(BUILD)/flags/model
	@mkdir -p $(@D)
	$(call say,UCC,$<)
	$(Q)$(CROSS)gcc $(MODEL_CFLAGS) $< -o $@

$(BUILD)/test/native/memory: test/model/memory.c $(BUILD)/flags/model
	@mkdir -p $(@D)
	$(call say,CC,$< (native))
	$(Q)$(CC) $(MODEL_CFLAGS) $< -o $@
# Who types at a terminal, for test/run-terminal.
$(BUILD)/test/pty: test/terminal/pty.c $(BUILD)/flags/native
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(filter-out -static,$(USER_CFLAGS)) $< -o $@

# -- unit tests ------------------------------------------------------------------------------
# Host parts once more under ASan and UBSan, as an archive, so that a test links what it names and
# may put its own stub in the place of the rest. Kernel parts likewise, compiled for the host.
UNIT_CC ?= $(CC)
ASAN_CFLAGS := -std=gnu17 -O1 -g $(ASAN) $(WARN) -fno-strict-aliasing -ffp-contract=off -I. -MMD -MP
ASAN_SRC := $(filter-out tool/main.c,$(HOST_SRC))
ASAN_OBJ := $(ASAN_SRC:%.c=$(BUILD)/asan/%.o)
FLAGS_asan := $(UNIT_CC) $(ASAN_CFLAGS) $(CFLAGS)
FLAGS_asan_objs := $(ASAN_OBJ)

$(BUILD)/asan/%.o: %.c $(BUILD)/flags/asan
	@mkdir -p $(@D)
	$(call say,ASAN,$<)
	$(Q)$(UNIT_CC) $(ASAN_CFLAGS) $(CFLAGS) -c $< -o $@

# Unit tests run no kernel: any file stands in for its image.
$(BUILD)/asan/tool/kernel_image.o: tool/kernel_image.S $(BUILD)/flags/asan
	@mkdir -p $(@D)
	$(Q)$(UNIT_CC) -DKERNEL_IMAGE='"$<"' -c $< -o $@

$(BUILD)/asan/limpid.a: $(ASAN_OBJ) $(BUILD)/asan/tool/kernel_image.o $(BUILD)/flags/asan_objs
	$(Q)rm -f $@; $(AR) rcs $@ $(ASAN_OBJ) $(BUILD)/asan/tool/kernel_image.o

MACHINE_TESTS := $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(wildcard test/unit/machine_*_test.c))
$(BUILD)/unit/machine_%: $(BUILD)/asan/test/unit/machine_%.o $(BUILD)/asan/limpid.a
	@mkdir -p $(@D)
	$(Q)$(UNIT_CC) $(ASAN) $< $(BUILD)/asan/limpid.a -o $@ -lcmocka $(HOST_LDLIBS) -lm

-include test/unit/kernel.mk
KERNEL_HOST_SRC ?=
KERNEL_HOST_OBJ := $(KERNEL_HOST_SRC:%.c=$(BUILD)/kernel-host/%.o)
FLAGS_kernel_host := $(UNIT_CC) $(ASAN_CFLAGS) $(KERNEL_HOST_CFLAGS) $(CFLAGS)
FLAGS_kernel_host_objs := $(KERNEL_HOST_OBJ)

$(BUILD)/kernel-host/%.o: %.c $(BUILD)/flags/kernel_host
	@mkdir -p $(@D)
	$(call say,ASAN,$< (kernel))
	$(Q)$(UNIT_CC) $(ASAN_CFLAGS) $(KERNEL_HOST_CFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/kernel-host/kernel.a: $(KERNEL_HOST_OBJ) $(BUILD)/flags/kernel_host_objs
	@mkdir -p $(@D)
	$(Q)rm -f $@; $(AR) rcs $@ $(KERNEL_HOST_OBJ)

KERNEL_TESTS := $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(wildcard test/unit/kernel_*_test.c))
$(BUILD)/unit/kernel_%: $(BUILD)/kernel-host/test/unit/kernel_%.o $(BUILD)/kernel-host/kernel.a
	@mkdir -p $(@D)
	$(Q)$(UNIT_CC) $(ASAN) $< $(BUILD)/kernel-host/kernel.a -o $@ -lcmocka $(HOST_LDLIBS) -lm

UNIT_TESTS := $(MACHINE_TESTS) $(KERNEL_TESTS)
.SECONDARY: $(UNIT_TESTS:$(BUILD)/unit/machine_%=$(BUILD)/asan/test/unit/machine_%.o) \
        $(UNIT_TESTS:$(BUILD)/unit/kernel_%=$(BUILD)/kernel-host/test/unit/kernel_%.o)

# -- what one runs ---------------------------------------------------------------------------
# A fresh machine has make and nothing else, so these install first and build in a second make.
.PHONY: deps deps-run run run-built check check-built test test-built bench soak
export BUILD CROSS CC CFLAGS KCFLAGS WERROR SANITIZE OPT
deps:
	@test/install-deps run test

deps-run:
	@test/install-deps run

run:
	@test/install-deps run
	@$(MAKE) $(JOBS) run-built

run-built: all
	$(call say,RUN,limpid run --stats build/user/tour)
	@$(BUILD)/limpid run --stats $(BUILD)/user/tour

check:
	@$(MAKE) $(JOBS) check-built

check-built: $(UNIT_TESTS) $(BUILD)/kernel.symbols
	@test/run-check $(UNIT_TESTS)

test:
	@test/install-deps run test
	@$(MAKE) $(JOBS) test-built

test-built: all debug $(UNIT_TESTS) $(GUEST_BIN) $(NATIVE_BIN) $(BUILD)/bench/costs $(MODEL_BIN) \
        $(BUILD)/test/pty
	@UNIT_TESTS='$(UNIT_TESTS)' test/run-all

BENCH_SRC := test/bench/integer.c test/bench/ring.c test/bench/stream.c
BENCH_BIN := $(patsubst test/bench/%.c,$(BUILD)/bench/riscv/%,$(BENCH_SRC)) \
        $(patsubst test/bench/%.c,$(BUILD)/bench/native/%,$(BENCH_SRC))
BENCH_CFLAGS := -std=gnu17 -O2 -fno-tree-vectorize -Wall -Wextra -static -I. -MMD -MP
FLAGS_bench := $(CC) $(CROSS)gcc $(BENCH_CFLAGS)

$(BUILD)/bench/riscv/%: test/bench/%.c $(BUILD)/flags/bench
	@mkdir -p $(@D)
	$(Q)$(CROSS)gcc $(BENCH_CFLAGS) $< -o $@

$(BUILD)/bench/native/%: test/bench/%.c $(BUILD)/flags/bench
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) $< -o $@

# The kernel's costs: one program, which other kernels run too; and a developer's tool that tells
# where the instructions go.
COSTS_SRC := $(wildcard test/bench/costs/*.c)
$(BUILD)/bench/costs: $(COSTS_SRC) test/bench/costs/costs.h $(BUILD)/flags/bench
	@mkdir -p $(@D)
	$(Q)$(CROSS)gcc $(filter-out -MMD -MP,$(BENCH_CFLAGS)) $(COSTS_SRC) -o $@

$(BUILD)/bench/profile: test/bench/profile.c $(HOST_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(HOST_CFLAGS)) $(CFLAGS) $< \
		$(filter-out %/tool/main.o,$(HOST_OBJ)) -o $@ $(HOST_LDLIBS)

.PHONY: bench-built soak-built
bench:
	@test/install-deps run test
	@$(MAKE) $(JOBS) bench-built

bench-built: all $(BENCH_BIN) $(BUILD)/bench/costs $(BUILD)/test/guest/hello
	@test/run-bench

# Writes what the README's commands print now into it.
.PHONY: readme
readme: all
	@test/run-readme --update

soak:
	@test/install-deps run test
	@$(MAKE) $(JOBS) soak-built

soak-built: all debug $(UNIT_TESTS) $(GUEST_BIN) $(NATIVE_BIN) $(MODEL_BIN) $(BUILD)/test/pty
	@UNIT_TESTS='$(UNIT_TESTS)' test/run-soak

.PHONY: install clean
install: $(BUILD)/limpid
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BUILD)/limpid $(DESTDIR)$(PREFIX)/bin/limpid
	install -m 644 doc/limpid.1 $(DESTDIR)$(PREFIX)/share/man/man1/limpid.1

clean:
	rm -rf $(BUILD)

-include $(HOST_OBJ:.o=.d) $(KERNEL_OBJ:.o=.d) $(DEBUG_OBJ:.o=.d) $(ASAN_OBJ:.o=.d) $(KERNEL_HOST_OBJ:.o=.d)
-include $(wildcard $(BUILD)/asan/test/unit/*.d $(BUILD)/kernel-host/test/unit/*.d)
-include $(USER_BIN:=.d) $(GUEST_BIN:=.d) $(NATIVE_BIN:=.d) $(MODEL_BIN:=.d) $(BENCH_BIN:=.d)
