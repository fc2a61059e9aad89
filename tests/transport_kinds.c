/* transport_kinds.c -- the table of transports for the conformance suite, and what its programs share. */
#include "transport_kinds.h"
#include "clock.h"
#include "kafka_place.h"
#include <stdlib.h>

static void *hub_start(void)
{
	return local_hub_open(SLOTS, DATA_PARTITIONS);
}
static void hub_end(void *h)
{
	local_hub_close(h);
}
static struct transport *hub_join(void *h, const char *member)
{
	return local_open(h, member);
}
static void hub_expel(void *h, const char *member)
{
	local_expel(h, member);
}

static const struct kind kinds[] = {
    {"local", hub_start, hub_end, hub_join, hub_expel, true, false, true, 50},
    {"mock", mock_start, mock_end, kafka_join, mock_expel, false, true, false, 500},
    {"broker", broker_start, broker_end, kafka_join, NULL, false, false, true, 500},
};
static const struct kind *chosen = &kinds[0];

const struct kind *kind_chosen(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(argv[1], kinds[i].name))
			chosen = &kinds[i];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return chosen;
}

int silence_ms(void)
{
	return chosen->silence_ms;
}

int place_open(void **state)
{
	struct place *p = malloc(sizeof(*p));
	p->kind = *state;
	p->broker = p->kind->start();
	*state = p;
	return p->broker ? 0 : -1;
}

int place_close(void **state)
{
	struct place *p = *state;
	p->kind->end(p->broker);
	free(p);
	return 0;
}

struct transport *join(void **state, const char *member)
{
	struct place *p = *state;
	struct transport *t = p->kind->join(p->broker, member);
	assert_non_null(t);
	return t;
}

/* false: refused or stopped. NULL value: a tombstone. */
bool send_bytes(struct transport *t, enum topic topic, int32_t partition, const char *key, const void *value,
    size_t size, struct delivery *d)
{
	struct message m = {
	    .topic = topic, .partition = partition, .key = key, .key_size = key ? strlen(key) : 0};
	if (value) {
		m.value = malloc(size ? size : 1);
		memcpy(m.value, value, size);
		m.size = size;
	}
	return transport_send(t, &m, d);
}

void say(struct transport *t, enum topic topic, int32_t partition, const char *key, const char *text)
{
	struct delivery *d = delivery_open();

	assert_true(send_bytes(t, topic, partition, key, text, strlen(text), d));
	assert_true(delivery_wait(d));
	delivery_close(d);
}

/* The next event of this kind; others that come before it are passed over, but for those in `never`. */
struct event next_of(struct transport *t, enum event_kind kind, enum event_kind never)
{
	int64_t until = clock_ms() + LONG_MS;

	while (clock_ms() < until) {
		struct event e = transport_poll(t, 100);
		if (e.kind == kind)
			return e;
		assert_true(e.kind != never || never == EVENT_NONE);
	}
	fail_msg("no event of kind %d came", (int)kind);
	abort();
}

struct event next_message(struct transport *t)
{
	return next_of(t, EVENT_MESSAGE, EVENT_NONE);
}

/* Nothing but ends comes. */
void expect_silence(struct transport *t)
{
	int64_t until = clock_ms() + silence_ms();

	while (clock_ms() < until) {
		struct event e = transport_poll(t, 10);
		assert_true(e.kind == EVENT_NONE || e.kind == EVENT_END);
	}
}

void settle(struct transport **t, int members, unsigned n)
{
	enum { MEMBERS = 8, NOT_TOLD = 1000 };
	unsigned held[MEMBERS], all = NOT_TOLD;
	int64_t until = clock_ms() + LONG_MS;

	for (int i = 0; i < members; i++)
		held[i] = NOT_TOLD;
	for (int quiet = 0; quiet < 3 && clock_ms() < until;) {
		all = 0;
		quiet++;
		for (int i = 0; i < members; i++) {
			struct event e = transport_poll(t[i], 50);
			if (e.kind == EVENT_ASSIGNED || e.kind == EVENT_REVOKED)
				held[i] = e.kind == EVENT_ASSIGNED ? e.n_partitions : NOT_TOLD;
			all += held[i];
		}
		if (all != n)
			quiet = 0;
	}
	assert_int_equal(all, n);
}

bool is_text(const struct message *m, const char *text)
{
	return m->value && m->size == strlen(text) && memcmp(m->value, text, m->size) == 0;
}

void assign_all(struct transport *t, enum topic topic)
{
	for (int32_t p = 0; p < transport_partitions(t, topic); p++)
		assert_true(transport_assign(t, topic, p, 0));
}
