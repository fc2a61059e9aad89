/* s3_credentials.c -- who we are at an S3 server. They are read for each try, so that new ones count at once. */
#include "s3_credentials.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "secret.h"
#include "xalloc.h"

enum { FILE_MOST = 64 * 1024 };

static bool why(char *to, const char *format, const char *a, const char *b)
{
	snprintf(to, DISTRIBUTE_WHY, format, a, b);
	return false;
}

/* Terminated, wipe() it. NULL: errno. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	char *text = xcalloc(1, FILE_MOST + 1);
	ssize_t n = read(fd, text, FILE_MOST);
	int error = errno;
	close(fd);
	if (n < 0) {
		free(text);
		text = NULL;
	}
	errno = error;
	return text;
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static char *trimmed(const char *from, const char *end)
{
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	return xasprintf("%.*s", (int)(end - from), from);
}

/* ---- the settings */

static bool from_settings(const struct config *c, const char *name, struct s3_credentials *k, char *ret_why)
{
	const char *secret = config_text(c, distribute_setting(name, "secret_key"));
	const char *path = config_text(c, distribute_setting(name, "secret_key_file"));
	char text[SECRET_SIZE] = "", reason[SECRET_WHY];

	snprintf(k->from, sizeof(k->from), "the settings");
	if (!*secret && !*path)
		return why(ret_why,
		    "distribute.%s.access_key is set, but neither secret_key nor secret_key_file is%s", name,
		    "");
	if (!*secret && !secret_read_file(path, text, reason))
		return why(ret_why, "%s%s", reason, "");
	k->access_key = xstrdup(config_text(c, distribute_setting(name, "access_key")));
	k->secret_key = xstrdup(*secret ? secret : text);
	explicit_bzero(text, sizeof(text));
	return true;
}

/* ---- the environment */

static bool from_environment(struct s3_credentials *k)
{
	const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
	const char *token = getenv("AWS_SESSION_TOKEN");

	if (!id || !*id || !secret || !*secret)
		return false;
	snprintf(k->from, sizeof(k->from), "the environment");
	k->access_key = xstrdup(id);
	k->secret_key = xstrdup(secret);
	k->token = token && *token ? xstrdup(token) : NULL;
	return true;
}

/* ---- the file */

static bool is_section(const char *line, size_t n, const char *profile)
{
	size_t len = strlen(profile);

	return n == len + 2 && line[0] == '[' && line[n - 1] == ']' && memcmp(line + 1, profile, len) == 0;
}

static void take_pair(struct s3_credentials *k, const char *line, const char *end)
{
	static const char *const names[] = {
	    "aws_access_key_id", "aws_secret_access_key", "aws_session_token"};
	char **const to[] = {&k->access_key, &k->secret_key, &k->token};
	const char *equals = memchr(line, '=', (size_t)(end - line));
	char *name;

	if (!equals)
		return;
	name = trimmed(line, equals);
	for (size_t i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0) {
			wipe(*to[i]);
			*to[i] = trimmed(equals + 1, end);
		}
	free(name);
}

static void take_profile(struct s3_credentials *k, const char *text, const char *profile)
{
	bool inside = false;

	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n"), shown = n;

		while (shown && (line[shown - 1] == '\r' || line[shown - 1] == ' '))
			shown--;
		if (*line == '[')
			inside = is_section(line, shown, profile);
		else if (inside && *line != '#' && *line != ';')
			take_pair(k, line, line + n);
		line += n + (line[n] != '\0');
	}
}

static bool from_file(const char *setting, struct s3_credentials *k, char *ret_why)
{
	const char *named = getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = getenv("HOME");
	const char *profile = *setting ? setting : getenv("AWS_PROFILE");
	char *path = named && *named ? xstrdup(named) : xasprintf("%s/.aws/credentials", home ? home : "");
	char *text = read_file(path);
	bool good = false;

	if (!profile || !*profile)
		profile = "default";
	if (text)
		take_profile(k, text, profile);
	good = k->access_key && k->secret_key;
	snprintf(k->from, sizeof(k->from), "%.100s", path);
	if (!text)
		why(ret_why,
		    "no credentials: set access_key and secret_key_file, or AWS_ACCESS_KEY_ID and "
		    "AWS_SECRET_ACCESS_KEY, or make %s: %s",
		    path, strerror(errno));
	else if (!good)
		why(ret_why, "%s: its profile [%s] has not both aws_access_key_id and aws_secret_access_key",
		    path, profile);
	wipe(text);
	free(path);
	return good;
}

bool s3_credentials_read(
    const struct config *c, const char *name, struct s3_credentials *ret, char ret_why[static DISTRIBUTE_WHY])
{
	const char *profile = config_text(c, distribute_setting(name, "profile"));
	struct s3_credentials k = {0};
	bool good;

	if (*config_text(c, distribute_setting(name, "access_key")))
		good = from_settings(c, name, &k, ret_why);
	else
		good = (!*profile && from_environment(&k)) || from_file(profile, &k, ret_why);
	if (good)
		*ret = k;
	else
		s3_credentials_close(&k);
	return good;
}

void s3_credentials_close(struct s3_credentials *k)
{
	wipe(k->access_key);
	wipe(k->secret_key);
	wipe(k->token);
	*k = (struct s3_credentials){0};
}
