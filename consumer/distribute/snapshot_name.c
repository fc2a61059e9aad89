/* snapshot_name.c -- which names are snapshots': on a target, nothing else is ever removed. */
#include "snapshot_name.h"
#include <ctype.h>
#include <string.h>

bool snapshot_name_is(const char *name)
{
	static const char form[] = "00000000T000000Z";
	size_t i = 0;

	for (; form[i]; i++)
		if (form[i] == '0' ? !isdigit((unsigned char)name[i]) : name[i] != form[i])
			return false;
	if (!name[i])
		return true;
	size_t digits = name[i] == '-' ? strspn(name + i + 1, "0123456789") : 0;
	return digits && !name[i + 1 + digits];
}

int snapshot_name_compare(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b); /* -2 before -10 */
}
