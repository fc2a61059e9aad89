/* s3_answer.c -- what an S3 server's XML says. */
#include "s3_answer.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *find(const char *at, const char *end, const char *what, size_t n)
{
	return at < end ? memmem(at, (size_t)(end - at), what, n) : NULL;
}

bool s3_answer_next(struct s3_text *in, const char *name, struct s3_text *ret)
{
	const char *end = in->at + in->size, *p = in->at, *from, *to;
	char open[64], close[64];
	size_t n = (size_t)snprintf(open, sizeof(open), "<%s", name);
	size_t m = (size_t)snprintf(close, sizeof(close), "</%s>", name);

	do { /* <Part> is not <PartNumber>; the root has a namespace behind its name */
		p = find(p, end, open, n);
		if (!p)
			return false;
		p += n;
	} while (p < end && *p != '>' && *p != ' ');
	from = find(p, end, ">", 1);
	to = from ? find(from, end, close, m) : NULL;
	if (!to)
		return false;
	*ret = (struct s3_text){from + 1, (size_t)(to - from - 1)};
	*in = (struct s3_text){to + m, (size_t)(end - to) - m};
	return true;
}

/* Of &amp; and others; only ASCII by number, which is all that they have a use for. */
static bool entity(const char *p, size_t n, char *to)
{
	static const struct {
		const char *name;
		char is;
	} known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
	char text[16];
	char *end = text;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i].name) == n && memcmp(known[i].name, p, n) == 0) {
			*to = known[i].is;
			return true;
		}
	if (n < 2 || n >= sizeof(text) || *p != '#')
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(n - 1), p + 1);
	unsigned long code = *text == 'x' ? strtoul(text + 1, &end, 16) : strtoul(text, &end, 10);
	if (*end || code == 0 || code > 127)
		return false;
	*to = (char)code;
	return true;
}

bool s3_answer_text(struct s3_text in, const char *name, char *to, size_t room)
{
	struct s3_text t;
	size_t n = 0;

	if (!s3_answer_next(&in, name, &t))
		return false;
	for (size_t i = 0; i < t.size; n++) {
		const char *semicolon = t.at[i] == '&' ? memchr(t.at + i, ';', t.size - i) : NULL;

		if (n + 1 >= room || t.at[i] == '<')
			return false;
		if (semicolon) {
			if (!entity(t.at + i + 1, (size_t)(semicolon - t.at) - i - 1, &to[n]))
				return false;
			i = (size_t)(semicolon - t.at) + 1;
		} else {
			to[n] = t.at[i++];
		}
	}
	to[n] = '\0';
	return true;
}
