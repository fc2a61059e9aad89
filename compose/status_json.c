/* status_json.c -- `qidflow status --json`: one object; what is not known is null. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "kafka_topics.h"
#include "log.h"
#include "record.h"
#include "status.h"
#include "status_distribute.h"
#include "tables.h"

enum { MOST_BYTES = 256 * 1024 * 1024 };

/* `good` stays false once something did not fit. */
struct writer {
	struct buffer out;
	bool good, first;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	w->good = w->good && buffer_add_text(&w->out, text);
}

static void key(struct writer *w, const char *name)
{
	put(w, "%s\"%s\":", w->first ? "" : ",", name);
	w->first = false;
}

static void begin(struct writer *w, char bracket)
{
	put(w, "%c", bracket);
	w->first = true;
}

static void end(struct writer *w, char bracket)
{
	put(w, "%c", bracket);
	w->first = false;
}

static void item(struct writer *w)
{
	put(w, "%s{", w->first ? "" : ",");
	w->first = true;
}

static void number(struct writer *w, const char *name, int64_t n)
{
	key(w, name);
	put(w, "%" PRId64, n);
}

static void truth(struct writer *w, const char *name, bool is)
{
	key(w, name);
	put(w, "%s", is ? "true" : "false");
}

static void text(struct writer *w, const char *name, const char *s)
{
	key(w, name);
	if (s && *s)
		w->good = w->good && record_json_text(s, strlen(s), &w->out);
	else
		put(w, "null");
}

static void run(struct writer *w, const struct status_run *r)
{
	item(w);
	number(w, "run", r->run);
	text(w, "state", r->state);
	truth(w, "full", r->full);
	text(w, "started_at", r->started_at);
	text(w, "window_start", r->window_start);
	text(w, "ended_at", r->ended_at);
	text(w, "error", r->error);
	text(w, "published", r->published);
	if (r->has_counts) {
		number(w, "asked", r->asked);
		number(w, "came", r->came);
		number(w, "empty", r->empty);
		number(w, "emptied", r->emptied);
		number(w, "purged", r->purged);
		number(w, "dead", r->dead);
		number(w, "held_back", r->held_back);
		number(w, "detections", r->detections);
		number(w, "vulnerabilities", r->vulnerabilities);
		number(w, "xml_bytes", r->xml_bytes);
		number(w, "calls", r->calls);
		number(w, "waits_ms", r->waits_ms);
	}
	end(w, '}');
}

static void lists(struct writer *w, const struct status *s)
{
	key(w, "runs");
	begin(w, '[');
	for (size_t i = 0; i < s->n_runs; i++)
		run(w, &s->runs[i]);
	end(w, ']');
	key(w, "batches");
	begin(w, '[');
	for (size_t i = 0; i < s->n_batches; i++) {
		item(w);
		text(w, "state", s->batches[i].state);
		number(w, "batches", s->batches[i].batches);
		number(w, "hosts", s->batches[i].hosts);
		end(w, '}');
	}
	end(w, ']');
	key(w, "dead_letters");
	begin(w, '[');
	for (size_t i = 0; i < s->n_letters; i++) {
		item(w);
		number(w, "host", s->letters[i].host);
		number(w, "run", s->letters[i].run);
		number(w, "attempts", s->letters[i].attempts);
		number(w, "http_status", s->letters[i].http_status);
		truth(w, "held_back", s->letters[i].held_back);
		text(w, "error", s->letters[i].error);
		end(w, '}');
	}
	end(w, ']');
}

static void sources(struct writer *w, const struct status *s)
{
	text(w, "publish_error", s->enrich.refused);
	text(w, "publish_remedy", s->enrich.refused ? STATUS_PUBLISH_REMEDY : NULL);
	text(w, "due_error", s->enrich.due_error);
	key(w, "enrich");
	begin(w, '[');
	for (size_t i = 0; i < s->enrich.n; i++) {
		const struct status_source *e = &s->enrich.sources[i];

		item(w);
		text(w, "name", e->name);
		text(w, "file", e->file);
		text(w, "state", e->state);
		text(w, "error", e->error);
		text(w, "loaded_at", e->loaded_at);
		number(w, "rows", e->rows);
		number(w, "matched", e->matched);
		number(w, "of", e->of);
		number(w, "unused_keys", e->unused);
		number(w, "duplicates", e->duplicates);
		number(w, "unreadable", e->unreadable);
		number(w, "without_key", e->without_key);
		text(w, "unreadable_lines", e->unreadable_lines);
		text(w, "turned_text", e->turned);
		end(w, '}');
	}
	end(w, ']');
}

/* ---- those who take part */

static void known(struct writer *w, const char *name, int64_t n)
{
	if (n >= 0) {
		number(w, name, n);
	} else {
		key(w, name);
		put(w, "null");
	}
}

static void time_of(struct writer *w, const char *name, int64_t s)
{
	char at[CLOCK_TEXT];

	text(w, name, s > 0 ? clock_format_api(s, at) : NULL);
}

static void budgets(struct writer *w, const struct status_cluster *s)
{
	key(w, "api");
	begin(w, '{');
	for (size_t i = 0; i < s->n_budgets; i++) {
		const struct status_budget *b = &s->budgets[i];

		key(w, b->api);
		begin(w, '{');
		known(w, "at_once", b->at_once);
		known(w, "running", b->running);
		known(w, "calls", b->calls);
		known(w, "window_s", b->window_s);
		known(w, "remaining", b->remaining);
		time_of(w, "waits_until", b->waits_until);
		end(w, '}');
	}
	end(w, '}');
}

static void fetchers(struct writer *w, const struct status_cluster *s)
{
	key(w, "fetchers");
	begin(w, '[');
	for (size_t i = 0; i < s->n_fetchers; i++) {
		item(w);
		text(w, "name", s->fetchers[i].name);
		number(w, "slots", s->fetchers[i].slots);
		number(w, "in_hand", s->fetchers[i].in_hand);
		time_of(w, "heard_at", s->fetchers[i].heard_at);
		end(w, '}');
	}
	end(w, ']');
	key(w, "outstanding");
	begin(w, '[');
	for (size_t i = 0; i < s->n_sent; i++) {
		item(w);
		number(w, "number", s->sent[i].number);
		number(w, "hosts", s->sent[i].hosts);
		number(w, "slot", s->sent[i].slot);
		text(w, "fetcher", s->sent[i].fetcher);
		time_of(w, "since", s->sent[i].sent_at);
		end(w, '}');
	}
	end(w, ']');
}

static void lags(struct writer *w, const struct status_cluster *s)
{
	key(w, "lag");
	if (!s->lags) {
		put(w, "null");
		return;
	}
	begin(w, '[');
	for (size_t i = 0; i < s->n_lags; i++) {
		const struct kafka_lag *l = &s->lags[i];

		item(w);
		text(w, "topic", topic_name(l->topic));
		number(w, "partition", l->partition);
		known(w, "next", l->next);
		number(w, "end", l->end);
		text(w, "member", l->member);
		text(w, "host", l->host);
		end(w, '}');
	}
	end(w, ']');
}

static void cluster(struct writer *w, const struct status_cluster *s)
{
	key(w, "leader");
	if (*s->leader) {
		begin(w, '{');
		text(w, "name", s->leader);
		time_of(w, "since", s->leader_since);
		end(w, '}');
	} else {
		put(w, "null");
	}
	budgets(w, s);
	fetchers(w, s);
	lags(w, s);
}

static void targets(struct writer *w, const struct status *s)
{
	key(w, "distribute");
	begin(w, '[');
	for (size_t i = 0; i < s->n_targets; i++) {
		const struct status_target *t = &s->targets[i];

		item(w);
		text(w, "name", t->name);
		text(w, "type", t->type);
		text(w, "target", t->state.describes);
		text(w, "state", t->word);
		text(w, "sent", t->state.sent);
		time_of(w, "sent_at", t->state.sent_at);
		number(w, "bytes", (int64_t)t->state.bytes);
		number(w, "took_ms", t->state.took_ms);
		text(w, "how", t->state.how);
		text(w, "wanted", t->state.wanted);
		text(w, "error", t->state.error);
		time_of(w, "error_at", t->state.error_at);
		time_of(w, "failing_since", t->state.failing_since);
		number(w, "tries", t->state.tries);
		text(w, "remedy", t->remedy);
		end(w, '}');
	}
	end(w, ']');
}

static void whole(struct writer *w, const struct status *s, const char *data)
{
	begin(w, '{');
	text(w, "data", data);
	text(w, "database", s->database);
	number(w, "database_bytes", s->database_bytes);
	text(w, "snapshot", s->snapshot);
	text(w, "as_of", s->as_of);
	key(w, "age_s");
	put(w, *s->as_of ? "%" PRId64 : "null", s->age_s);
	key(w, "running");
	if (s->pid) {
		begin(w, '{');
		number(w, "pid", s->pid);
		text(w, "since", s->since);
		end(w, '}');
	} else {
		put(w, "null");
	}
	key(w, "tables");
	begin(w, '{');
	for (int i = 0; i < TABLE_COUNT; i++)
		number(w, tables[i].name, s->tables[i]);
	end(w, '}');
	lists(w, s);
	sources(w, s);
	cluster(w, &s->cluster);
	targets(w, s);
	end(w, '}');
	put(w, "\n");
}

bool status_print_json(const struct status *s, const char *data, FILE *to)
{
	struct writer w = {.good = true};

	buffer_open(&w.out, MOST_BYTES);
	whole(&w, s, data);
	bool good = w.good || fail("the status is too long to be told as JSON");
	if (good && (fwrite(w.out.data, 1, w.out.size, to) != w.out.size || fflush(to)))
		good = fail("cannot write the status: %s", strerror(errno));
	buffer_close(&w.out);
	return good;
}
