/* people.c -- numbers as people read them. */
#include "people.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *people_number(int64_t n, char text[static PEOPLE_TEXT])
{
	char plain[PEOPLE_TEXT];
	int len = snprintf(plain, sizeof(plain), "%" PRId64, n);
	char *to = text;

	for (int i = 0; i < len; i++) {
		if (i > (n < 0) && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = plain[i];
	}
	*to = '\0';
	return text;
}

const char *people_bytes(int64_t bytes, char text[static PEOPLE_TEXT])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	int unit = 0;

	for (; v >= 999.95 && unit < 6; unit++)
		v /= 1000;
	snprintf(text, PEOPLE_TEXT, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
	return text;
}
