/* command.c -- the part of the command line that all commands share.
 *
 * The line is read twice: first for --config and to see that it can be read at all, then, when file and environment have had
 * their say, for what beats them. */
#include "command.h"
#include <string.h>
#include "log.h"
#include "nearest.h"

struct option_read {
	const char *name, *value; /* value: after "=", else the next word */
	bool has_value;
};

static const char *const shared[] = {"--data", "--config", "--set", "--help", NULL};

static void hint(const char *command, const char *word, size_t len, const struct flag *flags)
{
	char name[64];
	const char *best = NULL;
	size_t least;

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	least = nearest_limit(name);
	for (size_t i = 0; shared[i] || flags->name;) {
		const char *known = shared[i] ? shared[i++] : (flags++)->name;
		size_t d = nearest_distance(name, known);

		if (*known && d < least) {
			least = d;
			best = known;
		}
	}
	if (!best && !strncmp(word, "--", 2) && config_option(name + 2))
		fail("unknown option %s: a setting is given as --set %s=…", name, name + 2);
	else if (best)
		fail("unknown option %s, did you mean %s?", name, best);
	else if (*word != '-')
		fail("unexpected '%s': see `qidflow help %s`", word, command);
	else
		fail("unknown option %s: see `qidflow help %s`", name, command);
}

/* Reads the option at argv[*i] and moves on. `takes_value` where it has one. */
static bool take_value(int argc, char **argv, int *i, struct option_read *o)
{
	if (o->has_value)
		return true;
	if (++*i >= argc)
		return fail("%s needs a value", o->name);
	o->value = argv[*i];
	return true;
}

static bool is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(word, name, len);
}

static bool set_pair(struct config *c, const char *pair)
{
	const char *equals = strchr(pair, '=');
	char name[256];

	if (!equals || (size_t)(equals - pair) >= sizeof(name))
		return fail("--set needs name=value, not '%s'", pair);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - pair), pair);
	if (config_is_secret(name))
		return fail("--set %s: a secret is never an argument, since everybody on this machine can "
			    "read it; use %s",
		    name,
		    strncmp(name, "qualys.", 7) ? "a settings file that only you can read"
						: "QIDFLOW_QUALYS_PASSWORD or QIDFLOW_QUALYS_PASSWORD_FILE");
	return config_set(c, name, equals + 1, "--set");
}

/* c NULL: first pass. */
static bool take_shared(struct config *c, const struct option_read *o, const char **config_file)
{
	if (!c && !strcmp(o->name, "--config"))
		*config_file = o->value;
	if (c && !strcmp(o->name, "--data"))
		return *o->value ? config_set(c, "data", o->value, "--data") : fail("--data needs a folder");
	if (c && !strcmp(o->name, "--set"))
		return set_pair(c, o->value);
	return true;
}

/* The flag at `word`; NULL: there is none. */
static const struct flag *find_flag(const struct flag *flags, const char *word, size_t len)
{
	while (flags->name && !(*flags->name ? is(word, len, flags->name) : *word != '-'))
		flags++;
	return flags->name ? flags : NULL;
}

static bool add_word(const char **words, const char *word, const char *command)
{
	size_t n = 0;

	while (words[n])
		n++;
	if (n + 1 >= WORDS_MOST)
		return fail("more than %d words: see `qidflow help %s`", WORDS_MOST - 1, command);
	words[n] = word;
	words[n + 1] = NULL;
	return true;
}

static bool take_flag(int argc, char **argv, int *i, const struct flag *f, struct option_read *o, bool again)
{
	o->name = f->name;
	if (!*f->name)
		return again || add_word(f->value, argv[*i], argv[0]);
	if (f->on && !f->value && o->has_value)
		return fail("%s takes no value", f->name);
	if (f->on)
		*f->on = true;
	else if (!take_value(argc, argv, i, o))
		return false;
	if (f->value && (!f->on || o->has_value))
		*f->value = o->value;
	return true;
}

static bool read_line(
    int argc, char **argv, const struct flag *flags, struct config *c, const char **config_file)
{
	for (int i = 1; i < argc; i++) {
		size_t len = strcspn(argv[i], "=");
		struct option_read o = {
		    .value = argv[i][len] ? argv[i] + len + 1 : "", .has_value = argv[i][len] != 0};
		const struct flag *f = find_flag(flags, argv[i], len);

		for (size_t k = 0; k < 3 && !o.name; k++)
			o.name = is(argv[i], len, shared[k]) ? shared[k] : NULL;
		if (o.name) {
			if (!take_value(argc, argv, &i, &o) || !take_shared(c, &o, config_file))
				return false;
			continue;
		}
		if (!f) {
			hint(argv[0], argv[i], len, flags);
			return false;
		}
		if (!take_flag(argc, argv, &i, f, &o, c != NULL))
			return false;
	}
	return true;
}

static void open_log(const struct config *c)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	enum log_level level = LOG_INFO;

	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
		if (config_has(c, "log.level", names[i]))
			level = (enum log_level)i;
	log_open(level, config_has(c, "log.format", "json"));
}

struct config *command_open(int argc, char **argv, const struct flag *flags)
{
	const char *file = NULL;

	if (!read_line(argc, argv, flags, NULL, &file))
		return NULL;
	struct config *c = config_open();
	bool read = !file || config_load_file(c, file);
	read = config_load_environment(c) && read;
	if (read_line(argc, argv, flags, c, &file) && read && config_data_is_found(c)) {
		open_log(c);
		return c;
	}
	config_close(c);
	return NULL;
}

const struct command *command_find(const char *name)
{
	const char *best = NULL;
	size_t least = nearest_limit(name) + 1;

	for (const struct command *c = commands; c->name; c++) {
		size_t d = nearest_distance(name, c->name);

		if (!d)
			return c;
		if (d < least) {
			least = d;
			best = c->name;
		}
	}
	fail("there is no command '%s'%s%s%s", name, best ? ", did you mean '" : ": see `qidflow help`",
	    best ? best : "", best ? "'?" : "");
	return NULL;
}
