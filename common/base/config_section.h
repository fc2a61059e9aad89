/* config_section.h -- sections of which there can be any number, each with a name of its user's: [enrich.owner].
 *
 * options[] has their settings once, as "enrich.*.file"; they are set and asked for as "enrich.owner.file", with the calls
 * of config.h. A name is a small letter, then small letters, digits and _, 32 in all: it becomes part of names in SQL. */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H
#include <stddef.h>

struct config;

/* Those of a kind ("enrich") of which anything was set, in the order of their first setting. */
size_t config_section_count(const struct config *c, const char *kind);
const char *config_section_name(
    const struct config *c, const char *kind, size_t i); /* "owner"; NULL: no more */
#endif
