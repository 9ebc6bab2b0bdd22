# The conformance programs' generator and runner; run.sh reads this behind the project's Makefile.
CONFORM_OBJ := $(MACHINE_SRC:%.c=$(BUILD)/host/%.o)

$(BUILD)/conform/gen: test/conform/gen.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O1 $(WARN) -I. $< -o $@

$(BUILD)/conform/run: test/conform/run.c machine/machine.h $(CONFORM_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) $< $(CONFORM_OBJ) -o $@ $(HOST_LDLIBS)
