# The conformance programs' generators and runner; run.sh reads this behind the project's Makefile.
CONFORM_OBJ := $(MACHINE_SRC:%.c=$(BUILD)/host/%.o)

$(BUILD)/conform/gen $(BUILD)/conform/gen_mmu: $(BUILD)/conform/%: test/conform/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O1 $(WARN) -I. $< -o $@

$(BUILD)/conform/run: test/conform/run.c machine/machine.h $(CONFORM_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) $< $(CONFORM_OBJ) -o $@ $(HOST_LDLIBS)

# The bare programs (bare.h), compiled once; run-bare links them with seed and count.
BARE_CFLAGS := -std=gnu17 -O1 -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -mno-relax \
        -ffreestanding -fno-pie -fno-builtin -fno-stack-protector -fno-strict-aliasing \
        -fno-asynchronous-unwind-tables -msmall-data-limit=0 $(WARN) -I.

$(BUILD)/conform/bare/%.o: test/conform/%.c test/conform/bare.h
	@mkdir -p $(@D)
	$(Q)$(CROSS)gcc $(BARE_CFLAGS) -c $< -o $@

.PHONY: conform
conform: $(BUILD)/conform/gen $(BUILD)/conform/gen_mmu $(BUILD)/conform/run \
        $(addprefix $(BUILD)/conform/bare/,bare.o bare_csr.o bare_trap.o bare_mmu.o bare_irq.o bare_smp.o)
