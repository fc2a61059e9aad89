/* config.h -- the settings in force.
 *
 * options.c is the one table of them. Later beats earlier: default, INI file (--config), environment, --set and flags. Names
 * are section.name; kafka.* is not in the table, but for one, and is kept as it comes. Sections of any number: config_section.h. */
#ifndef CONFIG_H
#define CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct config;
enum option_type {
	OPTION_TEXT,
	OPTION_PATH, /* in a settings file relative to that file's folder; in a pipe, and elsewhere, to the working folder */
	OPTION_NUMBER,
	OPTION_BOOL,
	OPTION_DURATION,
	OPTION_BYTES,
	OPTION_CHOICES,
	OPTION_SECRET
};

struct option {
	const char *name, *environment; /* environment may be NULL */
	enum option_type type;
	const char *value;   /* default, written as a user would */
	int64_t least, most; /* numbers, durations (ms), sizes (bytes) */
	const char *choices; /* OPTION_CHOICES: allowed words, "sqlite csv json none" */
	bool several;        /* OPTION_CHOICES: a list of them, separated by commas or spaces */
	const char *help;
};
extern const struct option options[];                 /* ends with a NULL name */
const struct option *config_option(const char *name); /* NULL: there is none */
bool config_is_secret(const char *name); /* it stands for itself: shown as ***, never an argument */

struct config *config_open(void); /* defaults */
void config_close(struct config *c);
/* false: unknown name or bad value; logged with name, value, where it was said, and what is allowed. */
bool config_load_file(struct config *c, const char *path);
bool config_load_environment(struct config *c);
bool config_set(struct config *c, const char *name, const char *value, const char *where);
/* When all is set. false, logged: a settings file's relative `data` is not in its folder, but in the working folder. */
bool config_data_is_found(const struct config *c);

/* A name that is not in the table, or asked for as another type, is a bug: abort. */
const char *config_text(const struct config *c, const char *name); /* "": not set; good as long as c */
int64_t config_number(const struct config *c, const char *name);   /* ms of a duration, bytes of a size */
bool config_bool(const struct config *c, const char *name);
bool config_has(const struct config *c, const char *name, const char *choice); /* of a list of choices */

/* `name` was set after `other`, so it beats it where both say the same thing. */
bool config_is_later(const struct config *c, const char *name, const char *other);

/* What was set where: default, file, environment, command line. Secrets as ***. INI form. */
void config_print(const struct config *c, FILE *to);
/* Each kafka.* pair, those of the table first, then in the order they were set (name without "kafka."). */
void config_each_kafka(
    const struct config *c, void (*fn)(void *arg, const char *name, const char *value), void *arg);
#endif
