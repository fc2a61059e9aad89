/* config_inside.h -- what the files of config share. */
#ifndef CONFIG_INSIDE_H
#define CONFIG_INSIDE_H
#include "config.h"

struct config_value {
	char *text;      /* as said, choices set apart by one comma each */
	int64_t number;  /* of all types that have one; bool: 0, 1 */
	char *where;     /* NULL: default */
	char *elsewhere; /* mostly NULL: config_data_is_found() */
	unsigned order;  /* 0: default, then counted up with each config_set() */
};

struct config_section {              /* of a kind with a * */
	char *name;                  /* "enrich.owner" */
	struct config_value *values; /* one per options[]; those of other kinds are not looked at */
};

struct config_pair { /* kafka.* */
	char *name, *value, *where;
};

struct config {
	struct config_value *values; /* one per options[]; of a kind with a *: the defaults */
	unsigned settings;           /* made so far */
	struct config_pair *kafka;
	size_t kafka_count, kafka_room;
	struct config_section *sections;
	size_t section_count;
};

struct config_value *config_find(const struct config *c, const char *name); /* NULL: there is none */
/* The name that was meant, NULL: none is near. */
const char *config_nearest(const char *name);
bool config_kafka_is_secret(const char *name); /* without "kafka." */

struct config_value *config_defaults(void); /* one per options[]; config_values_free() */
void config_values_free(struct config_value *values);

/* config_section.c */
bool config_is_pattern(const struct option *o);
bool config_pattern_takes(const char *pattern, const char *name);
size_t config_section_distance(const struct option *o, const char *name); /* as nearest_distance() */
struct config_value *config_section_value(
    const struct config *c, const struct option *o, const char *name); /* NULL: no such section */
struct config_value *config_section_make(struct config *c, const struct option *o, const char *name);

/* config_value.c: reads `text` as a value of `o`. false: `why` says what is allowed. */
enum { CONFIG_WHY = 256 };
bool config_value_read(
    const struct option *o, const char *text, struct config_value *ret, char why[static CONFIG_WHY]);

/* config_file.c: the INI form. `mode`: st_mode of the file: may others read secrets in it, has it a folder. */
bool config_load_stream(struct config *c, FILE *f, const char *path, unsigned mode);
#endif
