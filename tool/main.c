/* The limpid command. All of it is in command.c, so that tests can link with it. */
#include "tool/tool.h"

int main(int argc, char **argv)
{
	return limpid_command(argc, argv);
}
