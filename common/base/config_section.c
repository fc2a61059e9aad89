/* config_section.c -- sections of which there can be any number: [enrich.owner], [distribute.share].
 *
 * In options[] they stand once, with a * for the name. A section is there as soon as one of its settings is, and then
 * has all of them. */
#include "config_section.h"
#include <stdlib.h>
#include <string.h>
#include "config_inside.h"
#include "nearest.h"
#include "xalloc.h"

enum { NAME_MOST = 32 };

bool config_is_pattern(const struct option *o)
{
	return strchr(o->name, '*') != NULL;
}

static size_t name_length(const char *s)
{
	size_t n = 0;

	while ((s[n] >= 'a' && s[n] <= 'z') || (n && ((s[n] >= '0' && s[n] <= '9') || s[n] == '_')))
		n++;
	return n <= NAME_MOST ? n : 0;
}

bool config_pattern_takes(const char *pattern, const char *name)
{
	size_t before = strcspn(pattern, "*");

	if (strncmp(pattern, name, before) != 0)
		return false;
	size_t n = name_length(name + before);
	return n && !strcmp(name + before + n, pattern + before + 1);
}

/* The section's name is its user's, so what comes before and after it is compared. */
size_t config_section_distance(const struct option *o, const char *name)
{
	size_t before = strcspn(o->name, "*");
	const char *rest = strncmp(o->name, name, before) ? NULL : strchr(name + before, '.');

	return rest ? nearest_distance(rest, o->name + before + 1) : nearest_distance(name, o->name);
}

/* Of "enrich.owner.file" as "enrich.*.file" the length of "enrich.owner". */
static size_t section_length(const struct option *o, const char *name)
{
	size_t before = strcspn(o->name, "*");

	return before + name_length(name + before);
}

static struct config_section *find(const struct config *c, const char *name, size_t n)
{
	for (size_t i = 0; i < c->section_count; i++)
		if (strlen(c->sections[i].name) == n && !memcmp(c->sections[i].name, name, n))
			return &c->sections[i];
	return NULL;
}

struct config_value *config_section_value(const struct config *c, const struct option *o, const char *name)
{
	struct config_section *s = find(c, name, section_length(o, name));

	return s ? &s->values[o - options] : NULL;
}

struct config_value *config_section_make(struct config *c, const struct option *o, const char *name)
{
	size_t n = section_length(o, name);
	struct config_section *s = find(c, name, n);

	if (!s) {
		c->sections = xrealloc(c->sections, (c->section_count + 1) * sizeof(*c->sections));
		s = &c->sections[c->section_count++];
		s->name = xasprintf("%.*s", (int)n, name);
		s->values = config_defaults();
	}
	return &s->values[o - options];
}

/* ---- those of a kind */

static const char *of_kind(const struct config_section *s, const char *kind)
{
	size_t n = strlen(kind);

	return !strncmp(s->name, kind, n) && s->name[n] == '.' ? s->name + n + 1 : NULL;
}

size_t config_section_count(const struct config *c, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < c->section_count; i++)
		n += of_kind(&c->sections[i], kind) != NULL;
	return n;
}

const char *config_section_name(const struct config *c, const char *kind, size_t i)
{
	for (size_t k = 0; k < c->section_count; k++) {
		const char *name = of_kind(&c->sections[k], kind);

		if (name && i-- == 0)
			return name;
	}
	return NULL;
}
