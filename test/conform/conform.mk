# The conformance programs' generators and runner; run.sh reads this behind the project's Makefile.
CONFORM_OBJ := $(MACHINE_SRC:%.c=$(BUILD)/host/%.o)

$(BUILD)/conform/gen $(BUILD)/conform/gen_mmu: $(BUILD)/conform/%: test/conform/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O1 $(WARN) -I. $< -o $@

$(BUILD)/conform/run: test/conform/run.c machine/machine.h $(CONFORM_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) $< $(CONFORM_OBJ) -o $@ $(HOST_LDLIBS)
