/* tail.c -- `qidflow tail`: what is on the topics, as JSON lines for jq. */
#include <stdlib.h>
#include <string.h>
#include "command.h"
#include "kafka.h"
#include "log.h"
#include "role.h"
#include "stop.h"
#include "tail_read.h"

struct wishes { /* the command line */
	const char *words[WORDS_MOST], *from, *host, *run;
	bool follow, until_complete;
};

/* Digits without a leading zero, as keys have them. */
static bool is_id(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && digits < 20 && !text[digits] && *text != '0';
}

static bool read_topics(const struct wishes *w, struct tail *ret)
{
	if (!w->words[0])
		ret->topics[TOPIC_DETECTIONS] = true;
	for (size_t i = 0; w->words[i]; i++) {
		enum topic t;

		if (!topic_of(w->words[i], &t))
			return fail("there is no topic '%s': batches, reports, runs, hosts, vulnerabilities, "
				    "detections, deadletters",
			    w->words[i]);
		ret->topics[t] = true;
	}
	return true;
}

static bool read_from(const struct wishes *w, struct tail *ret)
{
	static const char *const names[] = {
	    [TAIL_BEGINNING] = "beginning", [TAIL_END] = "end", [TAIL_RUN] = "run"};

	for (size_t i = 0; w->from && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(w->from, names[i])) {
			ret->from = (enum tail_from)i;
			return true;
		}
	return !w->from || fail("--from is beginning, end or run, not '%s'", w->from);
}

static bool read_host(const struct wishes *w, struct tail *ret)
{
	ret->host = w->host;
	if (!w->host)
		return true;
	for (enum topic t = 0; t < TOPIC_COUNT; t++)
		if (ret->topics[t] && t != TOPIC_HOSTS && t != TOPIC_DETECTIONS && t != TOPIC_DEADLETTERS)
			return fail("--host: the messages of %s have no host as their key", topic_name(t));
	return is_id(w->host) || fail("--host needs the id of a host, not '%s'", w->host);
}

static bool read_wishes(const struct wishes *w, struct tail *ret)
{
	ret->follow = w->follow;
	ret->until_complete = w->until_complete;
	if (w->run && !is_id(w->run))
		return fail("--until-complete=RUN needs the number of a run, not '%s'", w->run);
	ret->run = w->run ? strtoull(w->run, NULL, 10) : 0;
	return read_topics(w, ret) && read_from(w, ret) && read_host(w, ret);
}

static enum exit_status tail_topics(const struct config *c, const struct tail *w)
{
	char *member = role_name("tail");
	struct transport *t = stop_open() ? kafka_open(c, KAFKA_READER, member) : NULL;
	struct role_watch *watch = t ? role_watch_open(t) : NULL;
	enum exit_status status = STATUS_FAILED;

	if (watch)
		status = tail_read(t, w, stdout);
	else if (stop_signal())
		status = (enum exit_status)(STATUS_SIGNAL + stop_signal());
	role_watch_close(watch);
	transport_close(t);
	free(member);
	return status;
}

int tail_main(int argc, char **argv)
{
	struct wishes w = {0};
	struct tail want = {0};
	struct config *c = command_open(argc, argv,
	    (const struct flag[]){{"--from", NULL, &w.from}, {"--host", NULL, &w.host},
		{"--follow", &w.follow, NULL}, {"--until-complete", &w.until_complete, &w.run},
		{"", NULL, w.words}, {0}});
	enum exit_status status = STATUS_USAGE;

	if (c && read_wishes(&w, &want) && role_has_broker(c))
		status = tail_topics(c, &want);
	config_close(c);
	return (int)status;
}
