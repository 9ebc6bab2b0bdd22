/*
 * What exec passed: arguments and environment byte for byte, the auxiliary
 * vector's facts, and the stack's alignment.
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

static void show(const char *name, const char *text)
{
	printf("%s [%zu] ", name, strlen(text));
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		printf(*p >= ' ' && *p < 127 ? "%c" : "\\%03o", *p);
	printf("\n");
}

static void check(const char *what, int holds)
{
	printf("%s: %s\n", what, holds ? "yes" : "NO");
}

int main(int argc, char **argv)
{
	printf("argc %d\n", argc);
	for (int i = 0; i < argc; i++)
		show("arg", argv[i]);
	for (char **e = environ; *e; e++)
		show("env", *e);
	check("argv ends with NULL", argv[argc] == NULL);
	check("environment follows argv", environ == argv + argc + 1);
	check("argument strings above argv", (char *)argv[0] > (char *)argv);
	check("arguments aligned to 16", (uintptr_t)(argv - 1) % 16 == 0);

	check("AT_PAGESZ is 4096", getauxval(AT_PAGESZ) == 4096);
	check("AT_CLKTCK is 100", getauxval(AT_CLKTCK) == 100);
	check("AT_SECURE is 0", getauxval(AT_SECURE) == 0);
	check("AT_UID is getuid()", getauxval(AT_UID) == getuid());
	check("AT_EUID is geteuid()", getauxval(AT_EUID) == geteuid());
	check("AT_GID is getgid()", getauxval(AT_GID) == getgid());
	check("AT_EGID is getegid()", getauxval(AT_EGID) == getegid());
	check("AT_HWCAP is not 0", getauxval(AT_HWCAP) != 0);
	check("AT_ENTRY is not 0", getauxval(AT_ENTRY) != 0);
	check("AT_PHENT is an Elf64_Phdr", getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	int loads = 0;
	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		loads += ph[i].p_type == PT_LOAD;
	check("AT_PHDR shows PT_LOAD segments", loads > 0);
	check("AT_EXECFN is argv[0]", strcmp((char *)getauxval(AT_EXECFN), argv[0]) == 0);
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
	int bits = 0;
	for (int i = 0; i < 16; i++)
		bits |= random[i];
	check("AT_RANDOM is not all zeroes", bits != 0);
	return 0;
}
