/* config_value.c -- a setting's text as a value: numbers, yes and no, durations, sizes, choices.
 *
 * Pure. What is refused is answered with what is allowed, in the unit that a user would write. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "buffer.h"
#include "config_inside.h"
#include "xalloc.h"

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
/* Those for printing first, in ascending order; "" is a bare number. */
static const struct unit sizes[] = {{"", 1}, {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"B", 1},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum option_type type)
{
	return type == OPTION_DURATION ? durations : type == OPTION_BYTES ? sizes : plain;
}

/* In the largest unit that leaves a whole number. */
static void print_number(char *to, size_t size, enum option_type type, int64_t v)
{
	const struct unit *best = units_of(type);

	for (const struct unit *u = best; u->name; u++)
		if (u->factor > best->factor && v % u->factor == 0 && v && strlen(u->name) < 3)
			best = u;
	snprintf(to, size, "%" PRId64 "%s", v / best->factor, best->name);
}

static bool out_of_range(const struct option *o, char *why)
{
	static const char *const kinds[] = {[OPTION_NUMBER] = "a number",
	    [OPTION_DURATION] = "a duration such as 500ms 30s 15m 6h 7d",
	    [OPTION_BYTES] = "a size such as 900kB 64MB 8MiB"};
	char least[32], most[32];

	print_number(least, sizeof(least), o->type, o->least);
	print_number(most, sizeof(most), o->type, o->most);
	snprintf(why, CONFIG_WHY, "must be %s, from %s to %s", kinds[o->type], least, most);
	return false;
}

static bool read_number(const struct option *o, const char *text, int64_t *ret, char *why)
{
	int64_t v = 0;
	const char *p = text;

	if (*p < '0' || *p > '9')
		return out_of_range(o, why);
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return out_of_range(o, why);
	p += strspn(p, " ");
	const struct unit *u = units_of(o->type);
	while (u->name && strcasecmp(u->name, p))
		u++;
	if (!u->name && !(o->type == OPTION_DURATION && !v && !*p)) /* nothing needs no unit */
		return out_of_range(o, why);
	if (u->name && __builtin_mul_overflow(v, u->factor, &v))
		return out_of_range(o, why);
	if (v < o->least || v > o->most)
		return out_of_range(o, why);
	*ret = v;
	return true;
}

static bool read_bool(const char *text, int64_t *ret, char *why)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(words[i], text)) {
			*ret = i & 1;
			return true;
		}
	snprintf(why, CONFIG_WHY, "must be yes or no");
	return false;
}

static bool has_word(const char *list, const char *word, size_t len)
{
	while (*list) {
		size_t n = strcspn(list, " ,");

		if (n == len && !memcmp(list, word, n))
			return true;
		list += n + (list[n] != '\0');
	}
	return false;
}

/* Words of `text`, each once, set apart by commas. "none" stands alone. */
static bool read_choices(const struct option *o, const char *text, char **ret, char *why)
{
	struct buffer b;
	size_t words = 0;
	bool allowed = true;

	buffer_open(&b, strlen(o->choices) + 1);
	for (const char *p = text + strspn(text, " ,"); *p && allowed;) {
		size_t n = strcspn(p, " ,");

		allowed = has_word(o->choices, p, n) && (o->several || !words);
		if (allowed && !has_word(buffer_text(&b), p, n)) {
			allowed = (!words || buffer_add_text(&b, ",")) && buffer_add(&b, p, n);
			words++;
		}
		p += n;
		p += strspn(p, " ,");
	}
	if (!words || (words > 1 && has_word(buffer_text(&b), "none", 4)))
		allowed = false;
	if (allowed)
		*ret = xstrdup(buffer_text(&b));
	else
		snprintf(why, CONFIG_WHY, "must be %s of: %s%s", o->several ? "one or more" : "one",
		    o->choices, o->several && has_word(o->choices, "none", 4) ? " (none stands alone)" : "");
	buffer_close(&b);
	return allowed;
}

bool config_value_read(
    const struct option *o, const char *text, struct config_value *ret, char why[static CONFIG_WHY])
{
	struct config_value v = {0};

	switch (o->type) {
	case OPTION_NUMBER:
	case OPTION_DURATION:
	case OPTION_BYTES:
		if (!read_number(o, text, &v.number, why))
			return false;
		break;
	case OPTION_BOOL:
		if (!read_bool(text, &v.number, why))
			return false;
		break;
	case OPTION_CHOICES:
		if (!read_choices(o, text, &v.text, why))
			return false;
		break;
	case OPTION_TEXT:
	case OPTION_PATH:
	case OPTION_SECRET: break;
	}
	if (!v.text)
		v.text = xstrdup(text);
	*ret = v;
	return true;
}
