/* local_cursor.c -- one reader's place in one log, and what it has to tell next.
 *
 * A reader keeps a list of its cursors that may have something to tell; they take turns, a message each. A
 * sender puts a cursor on the list and signals only a reader that sleeps. */
#include "local_hub.h"
#include "xalloc.h"
#include <stdlib.h>

static void unlink_ready(struct local_cursor *c)
{
	struct local *l = c->reader;
	struct local_cursor **at = &l->ready_first;

	if (!c->ready)
		return;
	while (*at != c)
		at = &(*at)->next_ready;
	*at = c->next_ready;
	if (l->ready_end == &c->next_ready)
		l->ready_end = at;
	c->ready = false;
}

void local_cursor_ready(struct local_cursor *c)
{
	struct local *l = c->reader;

	if (c->ready || c->paused || c->gone)
		return;
	c->ready = true;
	c->next_ready = NULL;
	*l->ready_end = c;
	l->ready_end = &c->next_ready;
	if (l->sleeps) {
		l->sleeps = false;
		pthread_cond_signal(&l->come);
	}
}

struct local_cursor *local_cursor_open(struct local *l, struct local_log *log, int64_t next, bool grouped)
{
	struct local_cursor *c = xcalloc(1, sizeof(*c));

	*c = (struct local_cursor){.log = log, .reader = l, .next = next, .grouped = grouped};
	c->next_in_log = log->cursors;
	log->cursors = c;
	c->next_in_reader = l->cursors;
	l->cursors = c;
	local_cursor_ready(c);
	return c;
}

struct local_cursor *local_cursor_find(struct local *l, const struct local_log *log)
{
	struct local_cursor *c = l->cursors;

	while (c && c->log != log)
		c = c->next_in_reader;
	return c;
}

void local_cursor_close(struct local_cursor *c)
{
	if (!c)
		return;
	struct local_cursor **at = &c->log->cursors;
	while (*at != c)
		at = &(*at)->next_in_log;
	*at = c->next_in_log;
	at = &c->reader->cursors;
	while (*at != c)
		at = &(*at)->next_in_reader;
	*at = c->next_in_reader;
	unlink_ready(c);
	free(c);
}

static void give(struct local_cursor *c, struct event *ret)
{
	struct local_message *m = local_log_at(c->log, c->next);

	m->holders++;
	c->reader->in_hand = m;
	c->next++;
	c->end_told = false;
	if (!c->grouped)
		local_hub_trim(c->reader->hub, c->log);
	local_cursor_ready(c);
	ret->kind = EVENT_MESSAGE;
	ret->message = m->m;
}

/* The cursor has just been taken off the list. false: it has nothing to tell. */
bool local_cursor_event(struct local_cursor *c, struct event *ret)
{
	struct local_log *log = c->log;

	if (c->paused || c->gone)
		return false;
	if (c->next < log->high && c->next >= log->low) {
		give(c, ret);
		return true;
	}
	*ret = (struct event){.topic = log->topic, .partition = log->partition, .next = c->next};
	if (c->next == log->high) {
		ret->kind = EVENT_END;
		bool tell = !c->end_told;
		c->end_told = true;
		return tell;
	}
	ret->kind = EVENT_GONE;
	ret->next = log->low;
	c->gone = true;
	return true;
}
