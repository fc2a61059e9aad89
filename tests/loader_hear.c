/* loader_hear.c -- what the loader's Reports say, and waiting for it. */
#include "loader_hear.h"
#include <inttypes.h>
#include "arena.h"
#include "clock.h"
#include "delivery.h"
#include "loader_script.h"
#include "record.h"

enum { SHORT_MS = 400 };

struct told told;

void told_forget(void)
{
	ids_close(&told.known);
	ids_close(&told.detected);
	ids_close(&told.owed);
	ids_close(&told.ignored);
	ids_close(&told.qids);
	memset(&told, 0, sizeof(told));
	memset(told.positions, -1, sizeof(told.positions));
}

static void add_ranges(struct ids *to, Qidflow__V1__IdRange *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ids_add(to, v[i]->first, v[i]->last);
}

static void take_report(const Qidflow__V1__Report *r)
{
	assert_int_equal(r->kind, QIDFLOW__V1__REPORT__KIND__LOADER);
	told.reports++;
	snprintf(told.database, sizeof(told.database), "%s", r->database);
	told.complete_run = r->complete_run;
	told.complete_started_at = r->complete_started_at;
	told.complete_full_at = r->complete_full_at;
	told.complete_kb_at = r->complete_kb_at;
	snprintf(
	    told.publish_error, sizeof(told.publish_error), "%s", r->publish_error ? r->publish_error : "");
	told.highest_run = r->highest_run;
	told.highest_number = r->highest_number;
	assert_true(r->has_generation);
	told.generation = r->generation;
	for (size_t i = 0; i < r->n_stale_parts; i++) {
		size_t n = strlen(told.stale);

		snprintf(told.stale + n, sizeof(told.stale) - n, "%" PRIu64 "/%" PRIu64 ".%" PRIu64 "/%u ",
		    r->stale_parts[i]->host, r->stale_parts[i]->run, r->stale_parts[i]->number,
		    r->stale_parts[i]->last);
	}
	told.firsts += r->first;
	if (r->first && !r->known_more)
		told.first_is_over = true;
	add_ranges(&told.known, r->known, r->n_known);
	add_ranges(&told.detected, r->known_detected, r->n_known_detected);
	add_ranges(&told.owed, r->owed, r->n_owed);
	for (size_t i = 0; i < r->n_known_qids; i++)
		ids_add(&told.qids, r->known_qids[i], r->known_qids[i]);
	for (size_t i = 0; i < r->n_ignored; i++)
		ids_add(&told.ignored, r->ignored[i], r->ignored[i]);
	for (size_t i = 0; i < r->n_positions; i++) {
		enum topic t;

		assert_true(topic_of(r->positions[i]->topic, &t));
		told.positions[t][r->positions[i]->partition] = r->positions[i]->offset;
	}
}

bool listen_for(bool (*until)(void), int most_ms)
{
	int64_t deadline = clock_ms() + most_ms;
	struct arena *a = arena_open();
	bool come = false;

	do {
		struct event e = transport_poll(loader_world_script(), most_ms ? 20 : 0);

		if (e.kind == EVENT_MESSAGE) {
			arena_reset(a);
			ProtobufCMessage *m = record_unpack(
			    a, &qidflow__v1__report__descriptor, e.message.value, e.message.size);
			assert_non_null(m);
			assert_true(e.message.size < 500 * 1000);
			take_report((const Qidflow__V1__Report *)m);
		}
		come = until && until();
		if (!most_ms && e.kind != EVENT_NONE)
			deadline = INT64_MAX;
		else if (!most_ms)
			break;
	} while (!come && clock_ms() < deadline);
	arena_close(a);
	return come;
}

static bool is_loaded(void)
{
	struct delivery_end ends[64];
	size_t n = delivery_ends(loader_world_sent(), ends, 64);

	for (size_t i = 0; i < n; i++)
		if (ends[i].topic != TOPIC_RUNS &&
		    told.positions[ends[i].topic][ends[i].partition] < ends[i].next)
			return false;
	return true;
}

void await_loaded(void)
{
	assert_true(listen_for(is_loaded, LONG_MS));
}

static int reports_before;

static bool one_more(void)
{
	return told.reports > reports_before;
}

void await_report(void)
{
	reports_before = told.reports;
	assert_true(listen_for(one_more, LONG_MS));
}

static bool is_first_over(void)
{
	return told.first_is_over;
}

void await_first(void)
{
	told.first_is_over = false;
	assert_true(listen_for(is_first_over, LONG_MS));
}

static const char *stale_awaited;

static bool is_stale_told(void)
{
	return strcmp(told.stale, stale_awaited) == 0;
}

void await_stale(const char *text)
{
	stale_awaited = text;
	if (!listen_for(is_stale_told, LONG_MS))
		fail_msg("told '%s', not '%s'", told.stale, text);
}

void expect_silence(int ms)
{
	int before = told.reports;

	listen_for(NULL, ms);
	assert_int_equal(told.reports, before);
}

static uint64_t run_awaited;

static bool is_complete(void)
{
	return told.complete_run == run_awaited;
}

void await_complete(uint64_t r)
{
	run_awaited = r;
	assert_true(listen_for(is_complete, LONG_MS));
}

void expect_no_publishing(void)
{
	int before = atomic_load(&published.times);

	listen_for(NULL, SHORT_MS);
	assert_int_equal(atomic_load(&published.times), before);
}

static struct {
	const char *sql;
	int64_t n;
} value_awaited;

static bool has_come(void)
{
	return ask(value_awaited.sql) == value_awaited.n;
}

void await_value(const char *sql, int64_t n)
{
	value_awaited.sql = sql;
	value_awaited.n = n;
	assert_true(listen_for(has_come, LONG_MS));
}
