/* marks.c -- hosts of which the topics may end with something else than the database has, and hosts that nobody has accounted for.
 *
 * A host is marked when the loader ignored something of it: the last message may be that, so a newer one has to come, on both topics. A host
 * is unsure when a set of it may still come from a fetcher that was given up. Of both, "left out" or "not listed" is answered with a message. */
#include <inttypes.h>
#include <stdio.h>
#include "coordinator_state.h"
#include "log.h"

static bool in_hand(const struct coordinator *c, uint64_t host)
{
	for (const struct batch *b = c->batches; b; b = b->next)
		if (b->p.state <= BATCH_FETCHED && ids_has(&b->p.hosts, host))
			return true;
	return ids_has(&c->todo, host) || ids_has(&c->again, host);
}

/* The next run asks for it again, and the mark stays until then. */
static bool is_given_up(const struct coordinator *c, uint64_t host)
{
	for (const struct batch *b = c->batches; b; b = b->next)
		if ((b->p.state == BATCH_DEAD || b->p.state == BATCH_HELD) && ids_has(&b->p.hosts, host))
			return true;
	return false;
}

static bool give_up(struct coordinator *c, struct ids *hosts)
{
	struct batch *b = batch_new(c, BATCH_WAITING, IGNORED_TIMES);

	ids_take(hosts, 1, &b->p.hosts);
	snprintf(b->p.error, sizeof(b->p.error), "the loader ignored %d sets of this host", IGNORED_TIMES);
	return batch_move(c, b, BATCH_DEAD);
}

static bool ask_again(struct coordinator *c, struct ids *hosts)
{
	struct batch *b = batch_new(c, BATCH_WAITING, 0);

	ids_take(hosts, (uint64_t)c->sizer.size, &b->p.hosts);
	ids_add_all(&c->asked, &b->p.hosts);
	ids_add_all(&c->rows_again, &b->p.hosts);
	log_line(LOG_WARN, "sets of %" PRIu64 " hosts were ignored by the loader; asking for them again",
	    b->p.hosts.count);
	return batch_move(c, b, BATCH_WAITING);
}

/* Times that something of this host was ignored before. */
static int times_ignored(const struct coordinator *c, uint64_t host)
{
	int times = 0;

	while (times < IGNORED_TIMES && ids_has(&c->ignored[times], host))
		times++;
	return times;
}

struct sorted {
	struct ids wait, ask, given_up;
};

static void sort(struct coordinator *c, uint64_t host, struct sorted *to)
{
	int times = times_ignored(c, host);

	if (in_hand(c, host)) {
		ids_add(&to->wait, host, host);
	} else if (is_given_up(c, host)) {
		return;
	} else if (times == IGNORED_TIMES) {
		ids_add(&to->given_up, host, host);
	} else {
		ids_add(&c->ignored[times], host, host);
		if (c->purged && !ids_has(&c->listed, host) && !ids_has(&c->purge_held, host))
			ids_add(&c->purge_again, host, host); /* the API would leave it out for ever */
		else
			ids_add(&to->ask, host, host);
	}
}

/* Whether it was the set of a batch still in hand that was ignored cannot be told, since the loader may be faster than the fetcher's account:
 * wait for it. */
bool marks_ask(struct coordinator *c)
{
	struct sorted s = {.wait = {0}};
	struct ids_walk w = {.s = &c->marked};
	bool ok = true;
	uint64_t id;

	while (ids_next(&w, &id))
		sort(c, id, &s);
	ids_copy(&c->marked, &s.wait);
	while (ok && s.ask.count)
		ok = ask_again(c, &s.ask);
	while (ok && s.given_up.count)
		ok = give_up(c, &s.given_up);
	ids_close(&s.wait);
	ids_close(&s.ask);
	ids_close(&s.given_up);
	return ok;
}

/* In memory only: the loader tells of it again at the next start. */
void marks_add(struct coordinator *c, uint64_t host)
{
	ids_add(&c->marked, host, host);
	ids_add(&c->unsure, host, host);
}

bool marks_unsure(struct coordinator *c, const struct ids *hosts)
{
	ids_add_all(&c->unsure, hosts);
	return progress_add_unsure(c->progress, c->run.run, hosts) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

bool marks_is_unsure(const struct coordinator *c, uint64_t host)
{
	return c->run.unsure || ids_has(&c->unsure, host);
}
