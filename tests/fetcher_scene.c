/* fetcher_scene.c -- sets the scene for the fetcher's tests: see fetcher_scene.h. */
#include "fetcher_scene.h"
#include "config.h"
#include "fetcher.h"
#include "xalloc.h"
#include <stdlib.h>

static void *run_member(void *arg)
{
	struct member *f = arg;

	f->good = fetcher_run(f->config, &f->spy.base, f->name, f->drains);
	atomic_store(&f->ended, true);
	return NULL;
}

struct member *member_start(struct scene *s, const char *name, const char *calls)
{
	struct member *f = &s->f[s->n++];

	f->name = name;
	f->drains = s->drain != NULL;
	f->config = config_open();
	assert_true(config_set(f->config, "fetch.calls", calls, "test"));
	if (s->drain)
		assert_true(config_set(f->config, "fetch.drain", s->drain, "test"));
	if (s->crash)
		assert_true(config_set(f->config, "debug.crash_on_host", s->crash, "test"));
	f->spy.base.ops = &spy_ops;
	f->spy.inner = local_open(s->hub, name);
	pthread_mutex_init(&f->spy.lock, NULL);
	pthread_create(&f->thread, NULL, run_member, f);
	return f;
}

void member_end(struct member *f)
{
	int64_t start = clock_ms();

	transport_stop(&f->spy.base);
	pthread_join(f->thread, NULL);
	assert_true(f->good);
	assert_true(clock_ms() - start < 5000);
	transport_close(f->spy.inner);
	pthread_mutex_destroy(&f->spy.lock);
	config_close(f->config);
	f->name = NULL;
}

struct scene *scene_open(void)
{
	struct scene *s = xcalloc(1, sizeof(*s));

	atomic_store(&fake.calls, 0);
	atomic_store(&fake.most_at_once, 0);
	atomic_store(&fake.aborts, 0);
	atomic_store(&fake.go, false);
	s->hub = local_hub_open(SLOTS, PARTITIONS);
	s->t = local_open(s->hub, "coordinator");
	assert_true(transport_assign(s->t, TOPIC_REPORTS, 0, 0));
	assert_true(transport_assign(s->t, TOPIC_DEADLETTERS, 0, 0));
	return s;
}

void scene_close(struct scene *s)
{
	for (int i = 0; i < s->n; i++) {
		if (s->f[i].name)
			member_end(&s->f[i]);
	}
	if (s->report)
		qidflow__v1__report__free_unpacked(s->report, NULL);
	transport_close(s->t);
	local_hub_close(s->hub);
	free(s);
}

void send_value(struct scene *s, int32_t slot, void *value, size_t size)
{
	struct message m = {.topic = TOPIC_BATCHES, .partition = slot, .value = value, .size = size};

	assert_true(transport_send(s->t, &m, NULL));
}

static void send_ranges(
    struct scene *s, int32_t slot, uint64_t number, uint64_t generation, Qidflow__V1__IdRange **v, size_t n)
{
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;

	b.run = 9;
	b.number = number;
	b.generation = generation;
	b.has_run_started_at = true;
	b.run_started_at = 1600000000;
	b.ids = v;
	b.n_ids = n;
	size_t size = qidflow__v1__batch__get_packed_size(&b);
	void *value = xmalloc(size);
	qidflow__v1__batch__pack(&b, value);
	send_value(s, slot, value, size);
}

void send_batch(
    struct scene *s, int32_t slot, uint64_t number, uint64_t generation, uint64_t first, uint64_t last)
{
	Qidflow__V1__IdRange range = QIDFLOW__V1__ID_RANGE__INIT, *ranges[] = {&range};

	range.first = first;
	range.last = last;
	send_ranges(s, slot, number, generation, ranges, 1);
}

void send_two(struct scene *s, int32_t slot, uint64_t number, uint64_t host, uint64_t other)
{
	Qidflow__V1__IdRange v[2] = {QIDFLOW__V1__ID_RANGE__INIT, QIDFLOW__V1__ID_RANGE__INIT},
			     *ranges[] = {&v[0], &v[1]};

	v[0].first = v[0].last = host;
	v[1].first = v[1].last = other;
	send_ranges(s, slot, number, 1, ranges, 2);
}

struct message next_message(struct scene *s)
{
	for (int64_t until = clock_ms() + LONG_MS; clock_ms() < until;) {
		struct event e = transport_poll(s->t, 100);
		if (e.kind == EVENT_MESSAGE)
			return e.message;
	}
	fail_msg("no message came");
	abort();
}

bool is_quiet(struct scene *s)
{
	for (int64_t until = clock_ms() + QUIET_MS; clock_ms() < until;) {
		if (transport_poll(s->t, 10).kind == EVENT_MESSAGE)
			return false;
	}
	return true;
}

const Qidflow__V1__Report *report(struct scene *s, Qidflow__V1__Report__Kind kind)
{
	struct message m = next_message(s);

	assert_int_equal(m.topic, TOPIC_REPORTS);
	if (s->report)
		qidflow__v1__report__free_unpacked(s->report, NULL);
	s->report = qidflow__v1__report__unpack(NULL, m.size, m.value);
	assert_non_null(s->report);
	assert_int_equal(s->report->kind, kind);
	assert_int_equal(m.key_size, strlen(s->report->sender));
	assert_memory_equal(m.key, s->report->sender, m.key_size);
	return s->report;
}
bool is_committed(struct scene *s, int32_t slot, int64_t next, const char *metadata)
{
	char text[TRANSPORT_METADATA];
	int64_t at;

	assert_true(transport_committed(s->t, TOPIC_BATCHES, slot, &at, text));
	return at == next && strcmp(text, metadata) == 0;
}
