/* tail_read.c -- prints messages of topics as JSON lines.
 *
 * Reads by assignment, outside of any group, and commits nothing, so nobody notices. Each partition is a place of its own:
 * where it is, whether its end was reached, and whether what comes is still to be kept back. qidflow.runs is read too where
 * a run is waited for, printed or not. */
#include "tail_read.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "buffer.h"
#include "log.h"
#include "partition.h"
#include "record.h"
#include "stop.h"
#include "tail_json.h"
#include "tail_runs.h"
#include "xalloc.h"
#include "qidflow/v1/cluster.pb-c.h"

enum { LINE_MOST = 512 << 20, LINE_KEPT = 1 << 20, POLL_MS = 200 };

struct place {
	int64_t next;
	bool reads, ended;
	bool quiet; /* nothing is printed until the end, or the run, is reached */
};

struct tailing {
	struct transport *t;
	const struct tail *want;
	FILE *to;
	struct arena *arena;
	struct buffer line;
	struct tail_runs runs;
	struct place *places[TOPIC_COUNT];
	int32_t n[TOPIC_COUNT];
	bool unflushed;
};

static bool is_read(const struct tailing *g, enum topic t)
{
	return g->want->topics[t] || (t == TOPIC_RUNS && (g->want->follow || g->want->until_complete));
}

/* ---- where to begin */

static bool scan_run(void *arg, const struct message *m)
{
	tail_runs_take(arg, m, false);
	return true;
}

static bool scan_last(void *arg, const struct message *m)
{
	struct tailing *g = arg;
	struct place *p = &g->places[m->topic][m->partition];

	p->next = m->offset + 1;
	p->quiet = false;
	return true;
}

/* The ends of COMPLETE name topics of data alone: elsewhere the messages themselves say of which run they are. */
static void begin_at_run(struct tailing *g, enum topic t)
{
	for (int32_t p = 0; p < g->n[t]; p++) {
		if (t == TOPIC_RUNS)
			g->places[t][p].next = g->runs.newest_offset;
		else
			g->places[t][p].next = tail_ends_offset(&g->runs.begin, t, p);
		g->places[t][p].quiet = g->runs.newest && (t == TOPIC_BATCHES || t == TOPIC_REPORTS);
	}
}

static bool begin(struct tailing *g, enum topic t)
{
	int32_t only = -1;

	g->n[t] = transport_partitions(g->t, t);
	g->places[t] = xcalloc((size_t)g->n[t], sizeof(struct place));
	if (g->want->host && t != TOPIC_RUNS && t != TOPIC_DEADLETTERS)
		only = partition_of(g->want->host, strlen(g->want->host), g->n[t]);
	for (int32_t p = 0; p < g->n[t]; p++)
		g->places[t][p].reads = only < 0 || p == only;
	if (!g->want->topics[t]) /* runs, to be looked at only */
		g->places[t][0].next = g->runs.next;
	else if (g->want->from == TAIL_RUN)
		begin_at_run(g, t);
	else if (g->want->from == TAIL_END) {
		/* Compaction may have taken the last message: then the end is looked for. */
		for (int32_t p = 0; p < g->n[t]; p++)
			g->places[t][p].quiet = true;
		if (!transport_scan(g->t, t, 1, scan_last, g))
			return false;
	}
	for (int32_t p = 0; p < g->n[t]; p++)
		if (g->places[t][p].reads && !transport_assign(g->t, t, p, g->places[t][p].next))
			return false;
	return true;
}

static bool begin_all(struct tailing *g)
{
	if ((is_read(g, TOPIC_RUNS) || g->want->from == TAIL_RUN) &&
	    !transport_scan(g->t, TOPIC_RUNS, 0, scan_run, &g->runs))
		return false;
	if (g->want->from == TAIL_RUN && !g->runs.newest)
		log_line(LOG_WARN, "no run has begun yet in these topics: all that they hold is printed");
	for (enum topic t = 0; t < TOPIC_COUNT; t++)
		if (is_read(g, t) && !begin(g, t))
			return false;
	return true;
}

/* ---- what is printed */

static bool is_of_host(const struct tailing *g, const struct message *m)
{
	size_t len = strlen(g->want->host);

	return m->key && m->key_size >= len && !memcmp(m->key, g->want->host, len) &&
	       (m->key_size == len || ((const char *)m->key)[len] == '/');
}

/* A batch or a report of the newest run, or of a newer one. */
static bool is_of_run(const struct tailing *g, const struct message *m, const ProtobufCMessage *decoded)
{
	const Qidflow__V1__Report *r = (const Qidflow__V1__Report *)decoded;

	if (!decoded)
		return false;
	if (m->topic == TOPIC_BATCHES)
		return ((const Qidflow__V1__Batch *)decoded)->run >= g->runs.newest;
	return r->has_run && r->run >= g->runs.newest;
}

/* false: nobody reads, or it is logged. */
static bool print(struct tailing *g, struct place *p, const struct message *m)
{
	const ProtobufCMessageDescriptor *type = tail_type(m->topic);

	if (!g->want->topics[m->topic] || (g->want->host && !is_of_host(g, m)))
		return true;
	arena_reset(g->arena);
	const ProtobufCMessage *decoded =
	    m->value && type ? record_unpack(g->arena, type, m->value, m->size) : NULL;
	if (p->quiet && g->want->from == TAIL_RUN)
		p->quiet = !is_of_run(g, m, decoded);
	if (p->quiet)
		return true;
	if (g->line.room > LINE_KEPT)
		buffer_close(&g->line);
	buffer_clear(&g->line);
	if (!tail_json(m, decoded, &g->line))
		return true; /* said so; the next one may do */
	g->unflushed = true;
	return fwrite(g->line.data, 1, g->line.size, g->to) == g->line.size;
}

static enum exit_status write_failed(void)
{
	if (errno == EPIPE)
		return STATUS_SIGNAL + SIGPIPE;
	fail("cannot write to standard output: %s", strerror(errno));
	return STATUS_FAILED;
}

/* Before we wait: what was printed goes out, and a reader that has left is noticed. */
static bool flush(struct tailing *g)
{
	struct pollfd out = {.fd = fileno(g->to)};

	g->unflushed = false;
	if (fflush(g->to))
		return false;
	if (out.fd >= 0 && poll(&out, 1, 0) == 1 && out.revents & POLLERR) {
		errno = EPIPE;
		return false;
	}
	return true;
}

/* ---- events */

static void take_run(struct tailing *g, const struct message *m)
{
	if (m->topic == TOPIC_RUNS && m->offset >= g->runs.next && is_read(g, TOPIC_RUNS))
		tail_runs_take(&g->runs, m, true);
}

static void take_end(struct tailing *g, const struct event *e)
{
	struct place *p = &g->places[e->topic][e->partition];

	p->ended = true;
	if (g->want->from == TAIL_END)
		p->quiet = false;
	if (e->next > p->next)
		p->next = e->next;
}

static bool take_gone(struct tailing *g, const struct event *e)
{
	struct place *p = &g->places[e->topic][e->partition];

	if (e->next < p->next)
		return fail("%s: partition %d has only %" PRId64 " messages now: the topic was made anew. "
			    "Start again",
		    topic_name(e->topic), (int)e->partition, e->next);
	if (p->next > 0)
		log_line(LOG_WARN,
		    "%s: the messages %" PRId64 " to %" PRId64 " of partition %d are not there any more",
		    topic_name(e->topic), p->next, e->next - 1, (int)e->partition);
	p->next = e->next;
	return transport_assign(g->t, e->topic, e->partition, e->next);
}

static bool has_passed(const struct tailing *g)
{
	for (size_t i = 0; i < g->runs.ends.n; i++) {
		const struct tail_end *e = &g->runs.ends.list[i];

		if (e->partition < 0 || e->partition >= g->n[e->topic] || !g->want->topics[e->topic])
			continue;
		const struct place *p = &g->places[e->topic][e->partition];
		if (p->reads && p->next < e->offset)
			return false;
	}
	return true;
}

static bool have_ended(const struct tailing *g)
{
	for (int t = 0; t < TOPIC_COUNT; t++)
		for (int32_t p = 0; p < g->n[t]; p++)
			if (g->places[t][p].reads && !g->places[t][p].ended)
				return false;
	return true;
}

/* Whether it is over, and how. */
static bool is_over(struct tailing *g, enum exit_status *ret)
{
	const struct tail_runs *r = &g->runs;

	if (stop_requested()) {
		*ret = stop_signal() ? (enum exit_status)(STATUS_SIGNAL + stop_signal()) : STATUS_FAILED;
		return true;
	}
	*ret = STATUS_COMPLETE;
	if (!g->want->until_complete)
		return !g->want->follow && have_ended(g);
	if (r->state == TAIL_COMPLETE)
		return has_passed(g);
	if (r->state != TAIL_FAILED)
		return false;
	*ret = STATUS_FAILED;
	fail("run %" PRIu64 " is not complete: %s", r->wanted, r->error);
	return true;
}

static bool is_another_stream(const struct tailing *g)
{
	return is_read(g, TOPIC_RUNS) && g->runs.stream &&
	       strcmp(g->runs.stream, transport_stream(g->t)) != 0 &&
	       !fail("the topics were made anew while we read them: start again");
}

/* true: go on. */
static bool take(struct tailing *g, const struct event *e, enum exit_status *ret)
{
	struct place *p;

	*ret = STATUS_FAILED;
	switch (e->kind) {
	case EVENT_MESSAGE:
		p = &g->places[e->message.topic][e->message.partition];
		p->next = e->message.offset + 1;
		take_run(g, &e->message);
		if (print(g, p, &e->message))
			return !is_another_stream(g);
		*ret = write_failed();
		return false;
	case EVENT_END: take_end(g, e); return true;
	case EVENT_GONE: return take_gone(g, e);
	case EVENT_CLOSED:
		if (stop_requested())
			is_over(g, ret);
		return false;
	default: return true;
	}
}

static enum exit_status read_all(struct tailing *g)
{
	enum exit_status status;

	while (!is_over(g, &status)) {
		struct event e = transport_poll(g->t, g->unflushed ? 0 : POLL_MS);

		if (e.kind == EVENT_NONE && !flush(g))
			return write_failed();
		if (!take(g, &e, &status))
			break;
	}
	if (status != STATUS_SIGNAL + SIGPIPE && !flush(g))
		return write_failed();
	return status;
}

enum exit_status tail_read(struct transport *t, const struct tail *w, FILE *to)
{
	struct tailing g = {.t = t, .want = w, .to = to, .arena = arena_open()};
	enum exit_status status = STATUS_FAILED;

	buffer_open(&g.line, LINE_MOST);
	tail_runs_open(&g.runs, w->run);
	if (begin_all(&g))
		status = read_all(&g);
	else if (stop_requested())
		is_over(&g, &status);
	for (int i = 0; i < TOPIC_COUNT; i++)
		free(g.places[i]);
	tail_runs_close(&g.runs);
	buffer_close(&g.line);
	arena_close(g.arena);
	return status;
}
