/* config_print.c -- the settings as an INI file: help as comments, and where each value is from.
 *
 * Defaults are commented out, so that what is printed can be kept as a settings file without freezing them;
 * secrets are, so that `***` never becomes a password. */
#include <string.h>
#include "config_inside.h"

static void print_setting(FILE *to, const char *name, const char *value, const char *where, bool secret)
{
	bool shown = *value && secret;

	fprintf(to, "%s%s = %s\t; %s\n", shown || !where ? ";" : "", name, shown ? "***" : value,
	    where ? where : "default");
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

void config_print(const struct config *c, FILE *to)
{
	const char *section = "";
	size_t length = 0;

	fputs("; Settings in force. Lines that begin with ; are defaults, or secrets.\n", to);
	for (const struct option *o = options; o->name; o++) {
		const char *dot = strchr(o->name, '.');
		size_t len = dot ? (size_t)(dot - o->name) : 0;
		const struct config_value *v = &c->values[o - options];

		if (len != length || memcmp(section, o->name, len)) {
			fprintf(to, "\n[%.*s]", (int)len, o->name);
			section = o->name;
			length = len;
			fputc('\n', to);
		}
		print_help(to, o);
		print_setting(to, dot ? dot + 1 : o->name, v->text, v->where, o->type == OPTION_SECRET);
	}
	/* the table ends with section kafka */
	for (size_t i = 0; i < c->kafka_count; i++) {
		const struct config_pair *p = &c->kafka[i];

		print_setting(to, p->name, p->value, p->where, config_kafka_is_secret(p->name));
	}
}
