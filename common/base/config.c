/* config.c -- the settings in force: one value per line of options[], and kafka.* as it comes.
 *
 * Each value is read once, when it is set, so that a wrong one is told with the place where it was said and
 * everybody else only looks it up. */
#include "config.h"
#include <stdlib.h>
#include <string.h>
#include "config_inside.h"
#include "log.h"
#include "nearest.h"
#include "xalloc.h"

static size_t option_count(void)
{
	size_t n = 0;

	while (options[n].name)
		n++;
	return n;
}

struct config_value *config_defaults(void)
{
	struct config_value *values = xcalloc(option_count(), sizeof(*values));
	char why[CONFIG_WHY];

	for (size_t i = 0; options[i].name; i++)
		if (!config_value_read(&options[i], options[i].value, &values[i], why)) {
			fail("default of %s: %s", options[i].name, why);
			abort();
		}
	return values;
}

void config_values_free(struct config_value *values)
{
	for (size_t i = 0; options[i].name; i++) {
		free(values[i].text);
		free(values[i].where);
		free(values[i].elsewhere);
	}
	free(values);
}

struct config *config_open(void)
{
	struct config *c = xcalloc(1, sizeof(*c));

	c->values = config_defaults();
	return c;
}

void config_close(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->section_count; i++) {
		free(c->sections[i].name);
		config_values_free(c->sections[i].values);
	}
	for (size_t i = 0; i < c->kafka_count; i++) {
		free(c->kafka[i].name);
		free(c->kafka[i].value);
		free(c->kafka[i].where);
	}
	config_values_free(c->values);
	free(c->sections);
	free(c->kafka);
	free(c);
}

const struct option *config_option(const char *name)
{
	for (const struct option *o = options; o->name; o++)
		if (config_is_pattern(o) ? config_pattern_takes(o->name, name) : !strcmp(o->name, name))
			return o;
	return NULL;
}

/* Of a section that nothing was set of: the default. */
static struct config_value *value_of(const struct config *c, const struct option *o, const char *name)
{
	struct config_value *v = config_is_pattern(o) ? config_section_value(c, o, name) : NULL;

	return v ? v : &c->values[o - options];
}

struct config_value *config_find(const struct config *c, const char *name)
{
	const struct option *o = config_option(name);

	return o ? value_of(c, o, name) : NULL;
}

static bool is_kafka(const char *name)
{
	return !strncmp(name, "kafka.", 6) && name[6];
}

bool config_kafka_is_secret(const char *name)
{
	static const char *const parts[] = {"password", "secret", "key.pem", "jaas", "oauthbearer.config"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

bool config_is_secret(const char *name)
{
	const struct option *o = config_option(name);

	return o ? o->type == OPTION_SECRET : is_kafka(name) && config_kafka_is_secret(name);
}

const char *config_nearest(const char *name)
{
	const char *nearest = NULL;
	size_t least = nearest_limit(name), len = strlen(name);

	for (const struct option *o = options; o->name; o++) {
		size_t d =
		    config_is_pattern(o) ? config_section_distance(o, name) : nearest_distance(name, o->name);
		size_t full = strlen(o->name);

		/* The section was forgotten: url for qualys.url. */
		if (len && full > len && o->name[full - len - 1] == '.' &&
		    !strcmp(o->name + full - len, name))
			d = 0;
		if (d < least) {
			least = d;
			nearest = o->name;
		}
	}
	return nearest;
}

static void set_kafka(struct config *c, const char *name, const char *value, const char *where)
{
	struct config_pair *p = NULL;

	for (size_t i = 0; i < c->kafka_count && !p; i++)
		if (!strcmp(c->kafka[i].name, name))
			p = &c->kafka[i];
	if (!p) {
		if (c->kafka_count == c->kafka_room) {
			c->kafka_room = c->kafka_room ? 2 * c->kafka_room : 8;
			c->kafka = xrealloc(c->kafka, c->kafka_room * sizeof(*c->kafka));
		}
		p = &c->kafka[c->kafka_count++];
		*p = (struct config_pair){.name = xstrdup(name)};
	}
	free(p->value);
	free(p->where);
	p->value = xstrdup(value);
	p->where = xstrdup(where);
}

bool config_set(struct config *c, const char *name, const char *value, const char *where)
{
	const struct option *o = config_option(name);
	struct config_value v;
	char why[CONFIG_WHY];

	if (!o && is_kafka(name)) {
		set_kafka(c, name + strlen("kafka."), value, where);
		return true;
	}
	if (!o) {
		const char *nearest = config_nearest(name);

		return fail("%s: there is no setting '%s'%s%s%s", where, name,
		    nearest ? ", did you mean '" : "; `qidflow config` lists them", nearest ? nearest : "",
		    !nearest               ? ""
		    : strchr(nearest, '*') ? "', with a name of yours for *: a small letter, then small "
					     "letters, digits and _, 32 in all?"
					   : "'?");
	}
	if (!config_value_read(o, value, &v, why)) {
		bool secret = o->type == OPTION_SECRET;

		return fail("%s: %s = %s: %s", where, name, secret ? "***" : value, why);
	}
	v.where = xstrdup(where);
	v.order = ++c->settings;
	struct config_value *old =
	    config_is_pattern(o) ? config_section_make(c, o, name) : &c->values[o - options];
	free(old->text);
	free(old->where);
	free(old->elsewhere);
	*old = v;
	return true;
}

static const struct config_value *look_up(const struct config *c, const char *name, unsigned types)
{
	const struct option *o = config_option(name);

	if (!o || !(types >> o->type & 1)) {
		fail("bug: setting %s asked for as what it is not", name);
		abort();
	}
	return value_of(c, o, name);
}

const char *config_text(const struct config *c, const char *name)
{
	return look_up(
	    c, name, 1u << OPTION_TEXT | 1u << OPTION_PATH | 1u << OPTION_SECRET | 1u << OPTION_CHOICES)
	    ->text;
}

int64_t config_number(const struct config *c, const char *name)
{
	return look_up(c, name, 1u << OPTION_NUMBER | 1u << OPTION_DURATION | 1u << OPTION_BYTES)->number;
}

bool config_bool(const struct config *c, const char *name)
{
	return look_up(c, name, 1u << OPTION_BOOL)->number != 0;
}

bool config_has(const struct config *c, const char *name, const char *choice)
{
	size_t len = strlen(choice);

	for (const char *p = look_up(c, name, 1u << OPTION_CHOICES)->text; *p;) {
		size_t word = strcspn(p, ",");

		if (word == len && !memcmp(p, choice, len))
			return true;
		p += word + (p[word] == ',');
	}
	return false;
}

bool config_is_later(const struct config *c, const char *name, const char *other)
{
	return config_find(c, name)->order > config_find(c, other)->order;
}

void config_each_kafka(
    const struct config *c, void (*fn)(void *arg, const char *name, const char *value), void *arg)
{
	for (size_t i = 0; options[i].name; i++)
		if (is_kafka(options[i].name) && *c->values[i].text)
			fn(arg, options[i].name + strlen("kafka."), c->values[i].text);
	for (size_t i = 0; i < c->kafka_count; i++)
		fn(arg, c->kafka[i].name, c->kafka[i].value);
}
