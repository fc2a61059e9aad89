/* tail_world.c -- topics in memory, somebody who sends, and `qidflow tail` on them. */
#include "tail_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "record.h"
#include "xalloc.h"
#include <cmocka.h>

static void take_log(void *arg, const char *line, unsigned size)
{
	struct world *w = arg;
	size_t used = strlen(w->log);

	snprintf(w->log + used, sizeof(w->log) - used, "%.*s", (int)size, line);
}

int open_world(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->hub = local_hub_open(2, 3);
	w->from = local_open(w->hub, "sender");
	w->to = local_open(w->hub, "tail");
	for (int32_t p = 0; p < 3; p++) /* what nobody may still ask for would be forgotten */
		assert_true(transport_assign(w->from, TOPIC_DETECTIONS, p, 0));
	log_set_writer(take_log, w);
	*state = w;
	return 0;
}

int close_world(void **state)
{
	struct world *w = *state;

	log_set_writer(NULL, NULL);
	transport_close(w->from);
	transport_close(w->to);
	local_hub_close(w->hub);
	free(w);
	return 0;
}

void send_bytes(
    struct world *w, enum topic t, const char *key, const void *bytes, size_t size, const char *set)
{
	struct message m = {
	    .topic = t, .partition = key ? BY_KEY : 0, .key = key, .key_size = key ? strlen(key) : 0};

	if (bytes)
		m.value = memcpy(xmalloc(size + 1), bytes, size);
	m.size = size;
	if (set) {
		m.headers[0].name = "set";
		m.headers[0].value = set;
	}
	assert_true(transport_send(w->from, &m, NULL));
}

void send_message(struct world *w, enum topic t, const char *key, const ProtobufCMessage *p)
{
	size_t size;
	void *bytes = record_pack(p, &size);

	send_bytes(w, t, key, bytes, size, NULL);
	free(bytes);
}

void send_set(struct world *w, uint64_t host, const char *key, uint64_t run, uint64_t number)
{
	Qidflow__V1__HostDetections h = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

	h.has_id = set.has_run = set.has_number = 1;
	h.id = host;
	set.run = run;
	set.number = number;
	h.set = &set;
	send_message(w, TOPIC_DETECTIONS, key, &h.base);
}

void send_status(
    struct world *w, Qidflow__V1__RunStatus__State state, uint64_t run, int32_t partition, int64_t end)
{
	static char topic[] = "detections", why[] = "the API was down";
	Qidflow__V1__RunStatus s = QIDFLOW__V1__RUN_STATUS__INIT;
	Qidflow__V1__End e = QIDFLOW__V1__END__INIT, *ends[] = {&e};

	s.state = state;
	s.run = run;
	e.topic = topic;
	e.partition = partition;
	e.offset = end;
	s.ends = ends;
	s.n_ends = partition >= 0;
	s.error = state == QIDFLOW__V1__RUN_STATUS__STATE__FAILED ? why : NULL;
	send_message(w, TOPIC_RUNS, NULL, &s.base);
}

/* All that is there. */
char *tail(struct world *w, enum exit_status status)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(tail_read(w->to, &w->want, f), status);
	fclose(f);
	transport_close(w->to);
	w->to = local_open(w->hub, "tail");
	return text;
}

void prints(struct world *w, const char *expected)
{
	char *text = tail(w, STATUS_COMPLETE);

	assert_string_equal(text, expected);
	free(text);
}

static void *tail_main_of(void *arg)
{
	struct world *w = arg;

	w->status = tail_read(w->to, &w->want, w->to_file);
	fclose(w->to_file);
	return NULL;
}

FILE *tail_begin(struct world *w)
{
	assert_int_equal(pipe(w->out), 0);
	w->to_file = fdopen(w->out[1], "w");
	assert_non_null(w->to_file);
	assert_int_equal(pthread_create(&w->thread, NULL, tail_main_of, w), 0);
	FILE *f = fdopen(w->out[0], "r");
	assert_non_null(f);
	return f;
}

enum exit_status tail_end(struct world *w, FILE *f)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	fclose(f);
	return w->status;
}

void expect_line(FILE *f, const char *part)
{
	char line[2048] = "";

	assert_non_null(fgets(line, sizeof(line), f));
	if (!strstr(line, part))
		fail_msg("%s is not in %s", part, line);
}
