/* enrich_settings.c -- what the settings say of sources. */
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "config_section.h"
#include "enrich_inside.h"
#include "log.h"

#define FORM "3|"

static const char *setting(const struct config *c, const char *name, const char *which)
{
	char full[80];

	snprintf(full, sizeof(full), "enrich.%s.%s", name, which);
	return config_text(c, full);
}

void enrich_settings_of(const struct config *c, const char *name, struct enrich_settings *ret)
{
	static const char *const several[] = {"first", "all", "highest", "lowest"};
	const char *says = setting(c, name, "several");

	*ret = (struct enrich_settings){.name = name,
	    .file = setting(c, name, "file"),
	    .key = setting(c, name, "key"),
	    .columns = setting(c, name, "columns"),
	    .numbers = setting(c, name, "numbers"),
	    .separator = csv_separator(setting(c, name, "separator")),
	    .match = enrich_match_of(setting(c, name, "match"))};
	for (int i = 0; i < 4; i++)
		if (!strcmp(several[i], says))
			ret->several = (enum enrich_several)i;
	/* FORM: of keys and values; with another one files are read again. */
	snprintf(ret->fingerprint, sizeof(ret->fingerprint), FORM "%s|%s|%s|%s|%s|%c",
	    setting(c, name, "match"), says, ret->key, ret->columns, ret->numbers, ret->separator);
}

bool enrich_settings_are_good(const struct config *c)
{
	size_t n = config_section_count(c, "enrich");
	struct enrich_due due;

	if (n > ENRICH_SOURCES)
		return fail("there are %zu sections [enrich.NAME], and can be %d", n, ENRICH_SOURCES);
	for (size_t i = 0; i < n; i++) {
		const char *name = config_section_name(c, "enrich", i);

		if (!*setting(c, name, "file"))
			return fail("[enrich.%s]: its file is not set: enrich.%s.file = FILE", name, name);
		if (strlen(setting(c, name, "columns")) + strlen(setting(c, name, "numbers")) > 800 ||
		    strlen(setting(c, name, "key")) > 128)
			return fail(
			    "[enrich.%s]: columns and numbers are longer than 800 bytes, or key than 128",
			    name);
	}
	return enrich_due_of(c, &due);
}
