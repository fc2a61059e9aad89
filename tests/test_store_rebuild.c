/* test_store_rebuild.c -- a database that is built anew from the topics is the same as the one that saw everything happen.
 *
 * QIDFLOW_ROUNDS=n and QIDFLOW_SEED=n repeat what failed, or try more. */
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "store_stream.h"
#include "xalloc.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROUNDS = 200, DUMP_MOST = 1 << 20 };

static void be_silent(void *arg, const char *line, unsigned size)
{
	(void)arg;
	(void)line;
	(void)size;
}

/* Topic by topic: a loader reads them side by side, and their order among each other says nothing. */
static void load(struct loader *l, const struct written *const *v, size_t n, unsigned order)
{
	static const enum topic topics[] = {TOPIC_HOSTS, TOPIC_DETECTIONS, TOPIC_VULNERABILITIES};

	for (size_t i = 0; i < n && !order; i++)
		loaded_take(l, v[i]);
	for (unsigned t = 0; t < 3 && order; t++)
		for (size_t i = 0; i < n; i++)
			if (v[i]->m.topic == topics[(t + order) % 3])
				loaded_take(l, v[i]);
}

/* For who looks for a cause: what was written of a host (QIDFLOW_HOST). */
static void print_history(const struct stream *s, const char *host)
{
	size_t size = strlen(host);

	for (size_t i = 0; i < s->n; i++) {
		const struct written *w = &s->v[i];

		if (!strncmp(w->key, host, size) && (!w->key[size] || w->key[size] == '/'))
			printf("%zu %s %s %s%s\n", i, topic_name(w->m.topic), w->key,
			    w->m.value ? "" : "tombstone ", w->set);
	}
}

static void assert_same(
    struct stream *s, const struct written *const *v, size_t n, const char *what, uint64_t seed)
{
	struct loader again;
	struct buffer is, should;

	buffer_open(&is, DUMP_MOST);
	buffer_open(&should, DUMP_MOST);
	loaded_open(&again);
	load(&again, v, n, (unsigned)stream_random(s, 4));
	loaded_complete(&again, s->run, true);
	loaded_dump(&s->original, &should);
	loaded_dump(&again, &is);
	bool same = strcmp(buffer_text(&is), buffer_text(&should)) == 0;
	if (!same && getenv("QIDFLOW_HOST"))
		print_history(s, getenv("QIDFLOW_HOST"));
	if (!same)
		fail_msg("QIDFLOW_SEED=%" PRIu64
			 ": %s of %zu messages (%zu written) is\n%s\nand should be\n%s",
		    seed, what, n, s->n, buffer_text(&is), buffer_text(&should));
	loaded_close(&again);
	buffer_close(&is);
	buffer_close(&should);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

struct seen { /* what the rounds had in them, so that none of it is missing by accident */
	int64_t detections, purged, tombstones, parts;
};

static void one_round(uint64_t seed, struct seen *seen)
{
	struct stream s;

	stream_open(&s, seed);
	int acts = 20 + (int)stream_random(&s, 100);
	for (int i = 0; i < acts; i++)
		stream_act(&s);
	stream_heal(&s);
	const struct written **v = xcalloc(s.n, sizeof(struct written *));
	for (size_t i = 0; i < s.n; i++)
		v[i] = &s.v[i];
	assert_same(&s, v, s.n, "all", seed);
	size_t n = stream_compact(&s, s.n, v);
	assert_same(&s, v, n, "the compacted topic", seed);
	n = stream_compact(&s, stream_random(&s, s.n + 1), v);
	assert_same(&s, v, n, "the topic, compacted to some point,", seed);
	seen->detections += loaded_ask(&s.original, "SELECT count(*) FROM Q_Host_List_Detection_QIDS");
	seen->purged += loaded_ask(&s.original, "SELECT count(*) FROM qidflow_host WHERE purged");
	for (size_t i = 0; i < s.n; i++) {
		seen->parts += strchr(s.v[i].key, '/') && s.v[i].m.value;
		seen->tombstones += strchr(s.v[i].key, '/') && !s.v[i].m.value;
	}
	free(v);
	stream_close(&s);
}

static void test_the_same_database(void **state)
{
	uint64_t first = number_of("QIDFLOW_SEED", 1);
	uint64_t rounds = number_of("QIDFLOW_ROUNDS", getenv("QIDFLOW_SEED") ? 1 : ROUNDS);
	struct seen seen = {0};

	(void)state;
	log_set_writer(be_silent, NULL);
	for (uint64_t i = 0; i < rounds; i++)
		one_round(first + i, &seen);
	log_set_writer(NULL, NULL);
	if (rounds >= ROUNDS)
		assert_true(seen.detections > 1000 && seen.purged > 100 && seen.parts > 1000 &&
			    seen.tombstones > 300);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_same_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
