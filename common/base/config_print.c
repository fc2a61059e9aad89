/* config_print.c -- the settings as an INI file: help as comments, and where each value is from.
 *
 * Defaults are commented out, so that what is printed can be kept as a settings file without freezing them;
 * secrets are, so that `***` never becomes a password. */
#include <stdlib.h>
#include <string.h>
#include "config_inside.h"
#include "xalloc.h"

/* In texts that may hold one though they should not: "host=db password=x", "http://user:x@proxy". */
static bool holds_password(const char *value)
{
	const char *word = strcasestr(value, "password"), *url = strstr(value, "://");

	if (word && word[strlen("password") + strspn(word + strlen("password"), " ")] == '=')
		return true;
	const char *user = url ? url + strlen("://") : "";
	size_t n = strcspn(user, "/@");
	return user[n] == '@' && memchr(user, ':', n);
}

static void print_setting(FILE *to, const char *name, const char *value, const char *where, bool secret)
{
	bool shown = *value && (secret || holds_password(value));

	fprintf(to, "%s%s = %s\t; %s\n", shown || !where ? ";" : "", name, shown ? "***" : value,
	    where ? where : "default");
}

/* A path that was said elsewhere than in a settings file is printed absolute: in the one that this becomes it would be seen
 * from there. */
static void print_value(FILE *to, const struct option *o, const char *name, const struct config_value *v)
{
	char *folder =
	    o->type == OPTION_PATH && v->where && *v->text && *v->text != '/' ? realpath(".", NULL) : NULL;
	char *path = folder ? xasprintf("%s/%s", folder, v->text) : NULL;

	print_setting(to, name, path ? path : v->text, v->where, o->type == OPTION_SECRET);
	free(path);
	free(folder);
}

static void print_help(FILE *to, const struct option *o)
{
	fprintf(to, "\n; %s", o->help);
	if (o->choices)
		fprintf(to, " (%s)", o->choices);
	if (o->environment)
		fprintf(to, " [%s]", o->environment);
	fputc('\n', to);
}

/* Of "qualys.version.host_list" "qualys", of "enrich.*.file" "enrich.*". */
static size_t section_length(const char *name)
{
	const char *star = strchr(name, '*'), *dot = strchr(name, '.');

	return star ? (size_t)(star + 1 - name) : dot ? (size_t)(dot - name) : 0;
}

static bool is_same_section(const char *a, const char *b)
{
	size_t n = section_length(a);

	return section_length(b) == n && !memcmp(a, b, n);
}

/* What was set of the sections that `first` is a setting of. */
static void print_sections(const struct config *c, FILE *to, const struct option *first)
{
	size_t kind = section_length(first->name) - 1;

	for (size_t i = 0; i < c->section_count; i++) {
		const struct config_section *s = &c->sections[i];

		if (strncmp(s->name, first->name, kind) != 0)
			continue;
		fprintf(to, "\n[%s]\n", s->name);
		for (const struct option *o = first; o->name && is_same_section(first->name, o->name); o++)
			print_value(to, o, o->name + kind + 2, &s->values[o - options]);
	}
}

void config_print(const struct config *c, FILE *to)
{
	const struct option *first = NULL; /* of its section */

	fputs("; Settings in force. Lines that begin with ; are defaults, or secrets.\n", to);
	for (const struct option *o = options; o->name; o++) {
		size_t n = section_length(o->name);

		if (!first || !is_same_section(first->name, o->name)) {
			first = o;
			if (n)
				fprintf(to, "\n[%.*s]\n", (int)n, o->name);
		}
		print_help(to, o);
		print_value(to, o, o->name + n + (n != 0), &c->values[o - options]);
		if (config_is_pattern(o) && !(o[1].name && is_same_section(o->name, o[1].name)))
			print_sections(c, to, first);
	}
	/* the table ends with section kafka */
	for (size_t i = 0; i < c->kafka_count; i++) {
		const struct config_pair *p = &c->kafka[i];

		print_setting(to, p->name, p->value, p->where, config_kafka_is_secret(p->name));
	}
}
