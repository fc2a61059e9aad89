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

struct config *config_open(void)
{
	struct config *c = xcalloc(1, sizeof(*c));
	char why[CONFIG_WHY];

	c->values = xcalloc(option_count(), sizeof(*c->values));
	for (size_t i = 0; options[i].name; i++)
		if (!config_value_read(&options[i], options[i].value, &c->values[i], why)) {
			fail("default of %s: %s", options[i].name, why);
			abort();
		}
	return c;
}

void config_close(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; options[i].name; i++) {
		free(c->values[i].text);
		free(c->values[i].where);
	}
	for (size_t i = 0; i < c->kafka_count; i++) {
		free(c->kafka[i].name);
		free(c->kafka[i].value);
		free(c->kafka[i].where);
	}
	free(c->values);
	free(c->kafka);
	free(c);
}

const struct option *config_option(const char *name)
{
	for (const struct option *o = options; o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

struct config_value *config_find(const struct config *c, const char *name)
{
	const struct option *o = config_option(name);

	return o ? &c->values[o - options] : NULL;
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
		size_t d = nearest_distance(name, o->name), full = strlen(o->name);

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
		    nearest ? "'?" : "");
	}
	if (!config_value_read(o, value, &v, why)) {
		bool secret = o->type == OPTION_SECRET;

		return fail("%s: %s = %s: %s", where, name, secret ? "***" : value, why);
	}
	v.where = xstrdup(where);
	v.order = ++c->settings;
	struct config_value *old = &c->values[o - options];
	free(old->text);
	free(old->where);
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
	return &c->values[o - options];
}

const char *config_text(const struct config *c, const char *name)
{
	return look_up(c, name, 1u << OPTION_TEXT | 1u << OPTION_SECRET | 1u << OPTION_CHOICES)->text;
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
