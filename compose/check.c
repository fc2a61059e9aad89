/* check.c -- `qidflow check`: whether a run could work, a line for each thing it needs, with the remedy.
 *
 * The API is called three times at most, one call each, and no more once it refuses the credentials: too many wrong ones
 * lock an account. Decisions of a run go by the API's clock, so a clock of ours that is off is worth a warning only. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "api.h"
#include "check_database.h"
#include "check_distribute.h"
#include "check_enrich.h"
#include "check_kafka.h"
#include "check_publish.h"
#include "clock.h"
#include "command.h"
#include "data_folder.h"
#include "people.h"
#include "publish.h"
#include "secret.h"
#include "stop.h"
#include "targets.h"
#include "xalloc.h"

enum { SKEW_S = 5 * 60, SOME_QID = 38173 };
#define LEAST_FREE INT64_C(1000000000)

struct check {
	const struct config *config;
	enum exit_status status;
};

__attribute__((format(printf, 3, 4))) static void say(
    const char *verdict, const char *what, const char *format, ...)
{
	va_list args;

	printf("%-7s %-14s: ", verdict, what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* The first status that is not `complete` stays, but refused credentials beat a failure. */
static void failed(struct check *k, enum exit_status status)
{
	if (k->status == STATUS_COMPLETE || (k->status == STATUS_FAILED && status == STATUS_REFUSED))
		k->status = status;
}

static bool check_settings(struct check *k)
{
	static const char *const needed[] = {"qualys.url", "qualys.username"};
	bool good = true;

	for (size_t i = 0; i < 2; i++)
		if (!*config_text(k->config, needed[i])) {
			say("FAILED", "settings", "%s is not set: set %s, or give it in the file of --config",
			    needed[i], config_option(needed[i])->environment);
			good = false;
		}
	if (!publish_settings_are_good(k->config)) {
		say("FAILED", "settings",
		    "those of [publish], [enrich.NAME] and [due] do not fit together, see above");
		good = false;
	}
	if (good)
		say("ok", "settings", "%s as user %s", config_text(k->config, "qualys.url"),
		    config_text(k->config, "qualys.username"));
	else
		failed(k, STATUS_USAGE);
	return good;
}

/* The folder itself, or the nearest one above that there is. */
static char *nearest_folder(const char *path)
{
	char *p = xstrdup(path);
	struct stat st;

	while (stat(p, &st)) {
		char *slash = strrchr(p, '/');

		if (!slash || slash == p) {
			free(p);
			return xstrdup(slash ? "/" : ".");
		}
		*slash = '\0';
	}
	return p;
}

static void check_disk(struct check *k)
{
	const char *data = config_text(k->config, "data");
	char *folder = nearest_folder(data), text[PEOPLE_TEXT];
	struct statvfs v;

	if (access(folder, W_OK | X_OK)) {
		say("FAILED", "data folder", "cannot write in %s: %s; choose another with --data", folder,
		    strerror(errno));
		failed(k, STATUS_FAILED);
	} else if (statvfs(folder, &v)) {
		say("FAILED", "data folder", "cannot look at %s: %s", folder, strerror(errno));
		failed(k, STATUS_FAILED);
	} else {
		int64_t left = (int64_t)(v.f_bavail * v.f_frsize);

		say(left < LEAST_FREE ? "warn" : "ok", "data folder", "%s, %s free%s", data,
		    people_bytes(left, text),
		    left < LEAST_FREE ? ": a snapshot needs as much again as the database" : "");
	}
	free(folder);
}

static void check_lock(const struct check *k)
{
	char since[32];
	int64_t pid;

	if (data_folder_holder(config_text(k->config, "data"), DATA_PROGRESS, &pid, since))
		say("ok", "run", "one is going on (pid %" PRId64 ", since %s)", pid, since);
}

static void check_clock(const struct api_answer *a)
{
	int64_t skew = clock_wall_s() - a->datetime_s;
	char span[CLOCK_TEXT];

	if (!a->datetime_s)
		return;
	clock_format_span((skew < 0 ? -skew : skew) * 1000, span);
	if (skew > SKEW_S || skew < -SKEW_S)
		say("warn", "clock",
		    "this machine's is %s %s the API's: set it, so that times in logs can be compared", span,
		    skew > 0 ? "ahead of" : "behind");
	else
		say("ok", "clock", "within %s of the API's", span);
}

/* false: ask no more. */
static bool judge(struct check *k, const char *what, const struct api_answer *a, const char *found)
{
	char span[CLOCK_TEXT];

	switch (a->result) {
	case API_WHOLE:
		say("ok", what, "%s, in %s", found, clock_format_span(a->duration_ms, span));
		return true;
	case API_TOO_MANY:
	case API_TOO_FAST: say("ok", what, "reached, and its limit is in use: %s", a->text); return true;
	case API_DENIED:
		say("FAILED", "credentials",
		    "refused for user %s at %s: %s (HTTP %d, code %d): set the right user and password; "
		    "nothing was tried again",
		    config_text(k->config, "qualys.username"), config_text(k->config, "qualys.url"), a->text,
		    a->http_status, a->code);
		failed(k, STATUS_REFUSED);
		return false;
	case API_BAD_REQUEST:
		say("FAILED", what,
		    "refuses the request: %s (code %d): see qualys.version.* and qualys.parameters.*",
		    a->text, a->code);
		break;
	case API_UNAVAILABLE:
		say("FAILED", what,
		    "cannot be had: %s (HTTP %d): see qualys.url, qualys.proxy and qualys.ca_file, or wait "
		    "for the "
		    "API",
		    a->text, a->http_status);
		break;
	case API_BROKEN:
		say("FAILED", what, "the answer breaks off: %s: see whether a proxy stands between", a->text);
		break;
	case API_STOPPED: say("FAILED", what, "stopped"); break;
	}
	failed(k, STATUS_FAILED);
	return a->result != API_STOPPED;
}

static bool count_vulnerability(void *arg, Qidflow__V1__Vulnerability *v)
{
	(void)v;
	++*(int *)arg;
	return true;
}

static bool count_detections(void *arg, Qidflow__V1__HostDetections *piece, unsigned part, bool last)
{
	(void)part;
	(void)last;
	*(size_t *)arg += piece->n_detection_list;
	return true;
}

static void check_calls(struct check *k, struct api *api)
{
	struct api_answer a = {0};
	struct ids hosts = {0}, one = {0}, qid = {0};
	char number[PEOPLE_TEXT], text[64];
	size_t detections = 0;
	int found = 0;

	api_list_host_ids(api, &hosts, &a);
	snprintf(text, sizeof(text), "%s hosts", people_number((int64_t)hosts.count, number));
	if (!judge(k, "Host List", &a, text))
		goto done;
	say("ok", "credentials", "accepted for user %s", config_text(k->config, "qualys.username"));
	check_clock(&a);
	ids_add(&qid, SOME_QID, SOME_QID);
	api_list_vulnerabilities(api, 0, 0, 0, &qid, count_vulnerability, &found, &a);
	if (!judge(k, "KnowledgeBase", &a, found ? "a QID came" : "answers"))
		goto done;
	ids_take(&hosts, 1, &one);
	if (!one.count) {
		say("warn", "Detections", "not tried: this user sees no hosts");
		goto done;
	}
	api_list_detections(api, &one, count_detections, &detections, &a);
	snprintf(text, sizeof(text), "a host with %s detections", people_number((int64_t)detections, number));
	judge(k, "Detections", &a, text);
done:
	ids_close(&hosts);
	ids_close(&one);
	ids_close(&qid);
}

static void check_api(struct check *k)
{
	struct api *api = api_open(k->config);

	if (api) {
		check_calls(k, api);
	} else {
		say("FAILED", "settings", "those of the API do not fit together, see above");
		failed(k, STATUS_USAGE);
	}
	api_close(api);
}

int check_main(int argc, char **argv)
{
	bool deep = false;
	struct config *c = command_open(argc, argv, (const struct flag[]){{"--deep", &deep, NULL}, {0}});
	struct check k = {.config = c};
	char text[1024];

	if (!c) {
		say("FAILED", "settings", "see above");
		return STATUS_USAGE;
	}
	bool can_call = check_settings(&k) && stop_open();
	if (can_call && !secret_read(c, isatty(STDIN_FILENO))) {
		say("FAILED", "credentials", "there is no password, see above");
		failed(&k, STATUS_USAGE);
		can_call = false;
	}
	if (can_call)
		check_api(&k);
	check_disk(&k);
	check_lock(&k);
	bool good = check_database(config_text(c, "data"), deep, text, sizeof(text));
	say(good ? "ok" : "FAILED", "database", "%s", text);
	good &= check_kafka(c);
	good &= check_distribute(c);
	bool has_sources = check_enrich(c);
	good &= has_sources;
	good &= check_publish(c, has_sources);
	if (!good)
		failed(&k, STATUS_FAILED);
	if (!targets_left_behind())
		config_close(c);
	return stop_signal() ? STATUS_SIGNAL + stop_signal() : (int)k.status;
}
