/* enrich_number.c -- which texts are numbers, and which of them lose nothing by it. Pure. */
#include "enrich_number.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MOST = 30, DIGITS_KEPT = 15 };

bool enrich_is_number(const char *s)
{
	const char *digits = s + (*s == '-');
	size_t whole = strspn(digits, "0123456789"), part = 0;
	const char *p = digits + whole;

	if (*p == '.')
		p += 1 + (part = strspn(p + 1, "0123456789"));
	if (!whole || whole + part > DIGITS_MOST)
		return false;
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '-' || p[1] == '+');
		size_t power = strspn(p, "0123456789");
		if (!power || power > 2)
			return false;
		p += power;
	}
	return !*p;
}

/* SQLite shows 15 digits, and 0 for -0; powers of ten it writes in its own way. */
static bool is_exact(const char *s)
{
	char again[32];

	if (s[strspn(s, "-.0123456789")] || !strcmp(s, "-0"))
		return false;
	snprintf(again, sizeof(again), "%.15g", strtod(s, NULL));
	return !strcmp(s, again);
}

/* 0012 is mostly a number of something, as are 20 digits; 0.10 is an amount. */
static bool is_lossy(const char *s)
{
	const char *digits = s + (*s == '-'), *first = digits + strspn(digits, "0.");
	int n = 0;

	if (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
		return true;
	for (const char *p = first; *p == '.' || (*p >= '0' && *p <= '9'); p++)
		n += *p != '.';
	return n > DIGITS_KEPT || !strcmp(s, "-0");
}

enum enrich_form enrich_number_form(const char *s)
{
	if (!enrich_is_number(s))
		return FORM_WORD;
	return is_exact(s) ? FORM_EXACT : is_lossy(s) ? FORM_LOSSY : FORM_OTHERWISE;
}
