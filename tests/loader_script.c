/* loader_script.c -- messages as the coordinator and the fetchers send them, and what the database says of them. */
#include "loader_script.h"
#include <inttypes.h>
#include "db.h"
#include "delivery.h"
#include "partition.h"
#include "record.h"

void send_bytes(enum topic t, const char *key, const void *value, size_t size, const char *set)
{
	struct message m = {
	    .topic = t, .partition = t == TOPIC_RUNS ? 0 : BY_KEY, .key = key, .key_size = strlen(key)};

	if (value) {
		m.value = malloc(size + 1);
		assert_non_null(m.value);
		memcpy(m.value, value, size);
		m.size = size;
	}
	m.headers[0].name = set ? "set" : NULL;
	m.headers[0].value = set;
	assert_true(transport_send(loader_world_script(), &m, loader_world_sent()));
	assert_true(delivery_wait(loader_world_sent()));
}

void send_message(enum topic t, const char *key, const ProtobufCMessage *m)
{
	size_t size;
	void *packed = record_pack(m, &size);

	send_bytes(t, key, packed, size, NULL);
	free(packed);
}

static Qidflow__V1__Set set_of(uint64_t run, uint64_t number)
{
	Qidflow__V1__Set s = QIDFLOW__V1__SET__INIT;

	s.has_run = s.has_number = s.has_fetched_at = 1;
	s.run = run;
	s.number = number;
	s.fetched_at = 1795489200;
	return s;
}

static const char *key_of(uint64_t id)
{
	static char key[32];

	snprintf(key, sizeof(key), "%" PRIu64, id);
	return key;
}

void send_set(uint64_t host, uint64_t number_of_run, uint64_t number, int detections)
{
	enum { MOST = 64 };
	Qidflow__V1__HostDetections h = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = set_of(number_of_run, number);
	Qidflow__V1__Detection d[MOST], *pointers[MOST];

	for (int i = 0; i < detections; i++) {
		qidflow__v1__detection__init(&d[i]);
		d[i].has_unique_vuln_id = d[i].has_qid = 1;
		d[i].unique_vuln_id = number * MOST + (uint64_t)i;
		d[i].qid = 38000 + (uint64_t)i;
		pointers[i] = &d[i];
	}
	h.has_id = 1;
	h.id = host;
	h.set = &set;
	h.detection_list = pointers;
	h.n_detection_list = (size_t)detections;
	send_message(TOPIC_DETECTIONS, key_of(host), &h.base);
}

void send_host(uint64_t host, uint64_t number_of_run, uint64_t number)
{
	Qidflow__V1__Host h = QIDFLOW__V1__HOST__INIT;
	Qidflow__V1__Set set = set_of(number_of_run, number);

	h.has_id = 1;
	h.id = host;
	h.set = &set;
	send_message(TOPIC_HOSTS, key_of(host), &h.base);
}

void send_vulnerability(uint64_t qid, uint64_t number)
{
	Qidflow__V1__Vulnerability v = QIDFLOW__V1__VULNERABILITY__INIT;
	Qidflow__V1__Set set = set_of(1, number);

	v.has_qid = 1;
	v.qid = qid;
	v.set = &set;
	send_message(TOPIC_VULNERABILITIES, key_of(qid), &v.base);
}

uint64_t sending_generation;

void send_run(Qidflow__V1__RunStatus__State state, uint64_t number_of_run, bool with_ends)
{
	Qidflow__V1__RunStatus r = QIDFLOW__V1__RUN_STATUS__INIT;
	Qidflow__V1__End v[64], *pointers[64];
	struct delivery_end ends[64];

	r.state = state;
	r.run = number_of_run;
	r.has_started_at = r.has_full = r.has_last_number = 1;
	r.has_generation = sending_generation != 0;
	r.generation = sending_generation;
	r.started_at = 1795489200 + (int64_t)number_of_run * 3600;
	r.full = number_of_run == 1;
	r.last_number = 100 * number_of_run;
	if (state == QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE) {
		r.has_ended_at = r.has_kb_complete = r.kb_complete = 1;
		r.ended_at = r.started_at + 60;
	}
	size_t n = with_ends ? delivery_ends(loader_world_sent(), ends, 64) : 0;
	for (size_t i = 0; i < n; i++) {
		if (ends[i].topic == TOPIC_RUNS)
			continue;
		pointers[r.n_ends] = &v[r.n_ends];
		qidflow__v1__end__init(&v[r.n_ends]);
		v[r.n_ends].topic = (char *)(uintptr_t)topic_name(ends[i].topic);
		v[r.n_ends].partition = ends[i].partition;
		v[r.n_ends++].offset = ends[i].next;
	}
	r.ends = pointers;
	send_message(TOPIC_RUNS, "", &r.base);
}

void send_leads(uint64_t generation)
{
	Qidflow__V1__RunStatus r = QIDFLOW__V1__RUN_STATUS__INIT;

	r.state = QIDFLOW__V1__RUN_STATUS__STATE__LEADS;
	r.has_generation = 1;
	r.generation = generation;
	r.leader = "coordinator-of-a-test";
	send_message(TOPIC_RUNS, "", &r.base);
}

void send_stream(const char *id)
{
	send_bytes(TOPIC_RUNS, "stream", id, strlen(id), NULL);
}

/* To the partition of the plain key, as fetchers do. */
void send_part_of(uint64_t host, uint64_t number, unsigned part, bool last)
{
	Qidflow__V1__HostDetections h = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = set_of(1, number);
	Qidflow__V1__Detection d = QIDFLOW__V1__DETECTION__INIT, *list[] = {&d};
	char key[64];
	struct message m = {.topic = TOPIC_DETECTIONS, .key = key};
	int size = snprintf(key, sizeof(key), "%s/1.%" PRIu64 "/%u", key_of(host), number, part);

	d.has_qid = 1;
	d.qid = 38000 + part;
	h.has_id = h.has_part = 1;
	h.id = host;
	h.part = part;
	h.has_parts = last;
	h.parts = part;
	h.set = &set;
	h.detection_list = list;
	h.n_detection_list = 1;
	m.key_size = last ? strlen(key_of(host)) : (size_t)size;
	m.partition = partition_of(key, strlen(key_of(host)), PARTITIONS);
	m.value = record_pack(&h.base, &m.size);
	assert_true(transport_send(loader_world_script(), &m, loader_world_sent()));
	assert_true(delivery_wait(loader_world_sent()));
}

/* ---- what the database holds */

static struct db *open_database(enum db_mode mode)
{
	struct db *d = db_open(loader_world_path(), mode, 4096);

	assert_non_null(d);
	return d;
}

int64_t ask(const char *sql)
{
	struct db *d = open_database(DB_READ);
	int64_t n = -1;

	assert_true(db_int(d, &n, sql));
	db_close(d);
	return n;
}

void change(const char *sql)
{
	struct db *d = open_database(DB_WRITE);

	assert_true(db_exec(d, "%s", sql));
	db_close(d);
}

void assert_text(const char *sql, const char *text)
{
	struct db *d = open_database(DB_READ);
	sqlite3_stmt *s = db_prepare(d, sql);

	assert_non_null(s);
	assert_int_equal(db_row(d, s), 1);
	assert_string_equal((const char *)sqlite3_column_text(s, 0), text);
	db_close(d);
}
