/* config_inside.h -- what the files of config share. */
#ifndef CONFIG_INSIDE_H
#define CONFIG_INSIDE_H
#include "config.h"

struct config_value {
	char *text;     /* as said, choices set apart by one comma each */
	int64_t number; /* of all types that have one; bool: 0, 1 */
	char *where;    /* NULL: default */
	unsigned order; /* 0: default, then counted up with each config_set() */
};

struct config_pair { /* kafka.* */
	char *name, *value, *where;
};

struct config {
	struct config_value *values; /* one per options[] */
	unsigned settings;           /* made so far */
	struct config_pair *kafka;
	size_t kafka_count, kafka_room;
};

struct config_value *config_find(const struct config *c, const char *name); /* NULL: there is none */
/* The name that was meant, NULL: none is near. */
const char *config_nearest(const char *name);
bool config_kafka_is_secret(const char *name); /* without "kafka." */

/* config_value.c: reads `text` as a value of `o`. false: `why` says what is allowed. */
enum { CONFIG_WHY = 256 };
bool config_value_read(
    const struct option *o, const char *text, struct config_value *ret, char why[static CONFIG_WHY]);

/* config_file.c: the INI form. `mode`: permissions of the file, for one with secrets. */
bool config_load_stream(struct config *c, FILE *f, const char *path, unsigned mode);
#endif
