/* fuzz_config.c -- a settings file of anybody: it is read or refused, and what was taken can be printed and read
 * again as the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "config_inside.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void be_silent(void *arg, const char *line, unsigned size)
{
	(void)arg;
	(void)line;
	(void)size;
}

/* Numbers and choices come back; a text may hold what the INI form cannot say ("; ", blanks at its ends). */
static void must_be_equal(
    const struct config *a, const struct config *b, const struct option *o, const char *name)
{
	const struct config_value *v = config_find(a, name), *w = config_find(b, name);

	if (!v || !w || v->number != w->number || (o->type == OPTION_CHOICES && strcmp(v->text, w->text)))
		abort();
}

static void must_equal(const struct config *a, const struct config *b)
{
	char name[256];

	for (const struct option *o = options; o->name; o++) {
		size_t before = strcspn(o->name, "*");

		if (!o->name[before])
			must_be_equal(a, b, o, o->name);
		for (size_t i = 0; o->name[before] && i < a->section_count; i++) {
			if (strncmp(a->sections[i].name, o->name, before) != 0)
				continue;
			snprintf(name, sizeof(name), "%s%s", a->sections[i].name, o->name + before + 1);
			must_be_equal(a, b, o, name);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = config_open(), *again = config_open();
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	char *text = NULL;
	size_t length;

	log_set_writer(be_silent, NULL);
	if (f) {
		config_load_stream(c, f, "fuzz.ini", S_IFREG | 0600);
		fclose(f);
		f = open_memstream(&text, &length);
		config_print(c, f);
		fclose(f);
		f = fmemopen(text, length, "r");
		config_load_stream(again, f, "printed.ini", S_IFREG | 0600);
		fclose(f);
		must_equal(c, again);
		free(text);
	}
	config_close(c);
	config_close(again);
	return 0;
}
