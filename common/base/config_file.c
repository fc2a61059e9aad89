/* config_file.c -- settings from an INI file and from the environment.
 *
 * inih's handler is not told the line, so lines are counted where they are read; there leading white space
 * goes too, since inih would take an indented line for more of the value before it. All errors of a file are
 * told, not only the first. inih's own buffer of 200 bytes is short for a list of parameters. */
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config_inside.h"
#include "log.h"
#include "xalloc.h"

enum { LONGEST_LINE = 4096 };

struct source {
	struct config *config;
	FILE *file;
	const char *path;
	char *folder; /* of it, absolute */
	unsigned mode;
	int line;
	bool whole; /* the last line that was read had its end, or was the file's last */
	bool bad;
};

static char *read_line(char *to, int size, void *arg)
{
	struct source *s = arg;

	if (!fgets(to, size, s->file))
		return NULL;
	size_t len = strlen(to), space = strspn(to, " \t");
	if (s->whole)
		s->line++;
	s->whole = (len && to[len - 1] == '\n') || feof(s->file);
	if (!s->whole) {
		s->bad = true;
		fail("%s:%d: a line is at most %d bytes long", s->path, s->line, size - 2);
		while (!s->whole && fgets(to, size, s->file))
			s->whole = strchr(to, '\n') != NULL || feof(s->file);
		s->whole = true;
		to[0] = '\0';
		return to;
	}
	memmove(to, to + space, len - space + 1);
	return to;
}

/* The data that is there already lies in the working folder, which is another one. */
static void look_for_data(struct source *s, const char *path, const char *value)
{
	if (access(path, F_OK) != 0)
		config_find(s->config, "data")->elsewhere = realpath(value, NULL);
}

/* A path that stands in the file, seen from there: cron starts programs elsewhere. */
static bool set(struct source *s, const char *name, const char *value, const char *where)
{
	const struct option *o = config_option(name);
	char *path = o && o->type == OPTION_PATH && *value && *value != '/'
			 ? xasprintf("%s/%s", s->folder, value)
			 : NULL;
	bool ok = config_set(s->config, name, path ? path : value, where);

	if (ok && path && strcmp(name, "data") == 0)
		look_for_data(s, path, value);
	free(path);
	return ok;
}

static int take_setting(void *arg, const char *section, const char *name, const char *value)
{
	struct source *s = arg;
	char full[256], where[512];

	snprintf(where, sizeof(where), "%s:%d", s->path, s->line);
	if (snprintf(full, sizeof(full), "%s%s%s", section, *section ? "." : "", name) >= (int)sizeof(full)) {
		s->bad = true;
		fail("%s: the name is too long", where);
	} else if (config_is_secret(full) && s->mode & (S_IRWXG | S_IRWXO)) {
		s->bad = true;
		fail("%s: %s stands in a file that others may read (mode %03o): chmod 600 %s", where, full,
		    s->mode & 0777, s->path);
	} else if (!set(s, full, value, where)) {
		s->bad = true;
	}
	return 1; /* 0 would look like a line that cannot be read */
}

/* Of /dev/stdin and /dev/fd/63, whatever stands behind them. */
static bool is_of_the_system(const char *folder)
{
	return strcmp(folder, "/dev") == 0 || strncmp(folder, "/proc/", strlen("/proc/")) == 0;
}

/* What its relative paths are relative to: settings that come through a pipe have no folder but the working one. */
static char *folder_of(const char *path, unsigned mode)
{
	const char *slash = S_ISREG(mode) ? strrchr(path, '/') : NULL;
	char *folder = slash ? xasprintf("%.*s/", (int)(slash - path), path) : xstrdup(".");
	char *absolute = realpath(folder, NULL);

	free(folder);
	if (absolute && slash && is_of_the_system(absolute)) {
		free(absolute);
		absolute = realpath(".", NULL);
	}
	return absolute;
}

bool config_load_stream(struct config *c, FILE *f, const char *path, unsigned mode)
{
	struct source s = {.config = c,
	    .file = f,
	    .path = path,
	    .folder = folder_of(path, mode),
	    .mode = mode,
	    .whole = true};

	if (!s.folder)
		return fail("cannot look at the folder of %s: %s", path, strerror(errno));
	ini_max_line = LONGEST_LINE;
	int line = ini_parse_stream(read_line, &s, take_setting, &s);

	free(s.folder);
	if (ferror(f))
		return fail("cannot read %s: %s", path, strerror(errno));
	if (line)
		return fail("%s:%d: is neither [section] nor name = value", path, line);
	return !s.bad;
}

bool config_load_file(struct config *c, const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;

	if (!f)
		return fail("cannot open the settings file %s: %s", path, strerror(errno));
	bool loaded = fstat(fileno(f), &st) ? fail("cannot look at %s: %s", path, strerror(errno))
		      : S_ISDIR(st.st_mode) ? fail("%s is a folder, not a settings file", path)
					    : config_load_stream(c, f, path, st.st_mode);
	fclose(f);
	return loaded;
}

bool config_data_is_found(const struct config *c)
{
	const struct config_value *v = config_find(c, "data");

	return !v->elsewhere ||
	       fail("%s: data is %s, since paths of a settings file are relative to its folder, and is not "
		    "there, but %s is: write the path that is meant, an absolute one",
		   v->where, v->text, v->elsewhere);
}

static bool is_known_variable(const char *entry, size_t len)
{
	for (const struct option *o = options; o->name; o++)
		if (o->environment && strlen(o->environment) == len && !memcmp(o->environment, entry, len))
			return true;
	return false;
}

bool config_load_environment(struct config *c)
{
	bool good = true;

	for (const struct option *o = options; o->name; o++) {
		const char *value = o->environment ? getenv(o->environment) : NULL;

		if (value && *value && !config_set(c, o->name, value, o->environment))
			good = false;
	}
	for (char **e = environ; *e; e++) {
		size_t len = strcspn(*e, "=");

		if (!strncmp(*e, "QIDFLOW_", strlen("QIDFLOW_")) && !is_known_variable(*e, len))
			log_line(LOG_WARN, "environment: %.*s is no variable of qidflow and changes nothing",
			    (int)len, *e);
	}
	return good;
}
