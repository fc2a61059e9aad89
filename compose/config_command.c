/* config_command.c -- `qidflow config`: the settings in force. */
#include <errno.h>
#include <string.h>
#include "command.h"
#include "log.h"

int config_main(int argc, char **argv)
{
	struct config *c = command_open(argc, argv, (const struct flag[]){{0}});

	if (!c)
		return STATUS_USAGE;
	config_print(c, stdout);
	config_close(c);
	if (fflush(stdout) == 0)
		return STATUS_COMPLETE;
	fail("cannot write the settings: %s", strerror(errno));
	return STATUS_FAILED;
}
