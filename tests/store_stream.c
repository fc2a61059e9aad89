/* store_stream.c -- who writes to the topics, and in which disorder. */
#include "store_stream.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "qidflow/v1/records.pb-c.h"
#include "record.h"
#include "xalloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

uint64_t stream_random(struct stream *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random % below;
}

/* ---- writing */

static void note_stale(struct stream *s)
{
	const struct stale_parts *told;
	size_t n = store_stale_take(s->original.store, &told);

	for (size_t i = 0; i < n && s->n_stale < sizeof(s->stale) / sizeof(s->stale[0]); i++)
		s->stale[s->n_stale++] = told[i];
}

static void write_it(struct stream *s, const struct written *w)
{
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		s->v = xrealloc(s->v, s->room * sizeof(*s->v));
	}
	s->v[s->n++] = *w;
	loaded_take(&s->original, w);
	note_stale(s);
}

static struct written message(enum topic t, uint64_t id)
{
	struct written w = {.m = {.topic = t}};

	snprintf(w.key, sizeof(w.key), "%" PRIu64, id);
	return w;
}

static void pack(struct written *w, const ProtobufCMessage *m)
{
	w->m.value = record_pack(m, &w->m.size);
}

static Qidflow__V1__Set name(uint64_t run, uint64_t number)
{
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

	set.has_run = set.has_number = 1;
	set.run = run;
	set.number = number;
	return set;
}

/* ---- what is written */

static struct written piece(
    uint64_t host, uint64_t run, uint64_t number, unsigned part, unsigned parts, unsigned detections)
{
	Qidflow__V1__HostDetections h = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = name(run, number);
	Qidflow__V1__Detection v[4], *pointers[4];
	struct written w = message(TOPIC_DETECTIONS, host);

	for (unsigned i = 0; i < detections; i++) {
		qidflow__v1__detection__init(&v[i]);
		v[i].has_unique_vuln_id = v[i].has_qid = 1;
		v[i].unique_vuln_id = number * 100 + part * 10 + i;
		v[i].qid = 100 + i;
		pointers[i] = &v[i];
	}
	h.has_id = 1;
	h.id = host;
	h.set = &set;
	h.detection_list = pointers;
	h.n_detection_list = detections;
	h.has_part = parts > 1;
	h.part = part;
	h.has_parts = parts > 1 && part == parts;
	h.parts = parts;
	h.has_continued = h.continued = part > 1 && detections && number % 3 == 0;
	if (part < parts)
		snprintf(
		    w.key, sizeof(w.key), "%" PRIu64 "/%" PRIu64 ".%" PRIu64 "/%u", host, run, number, part);
	pack(&w, &h.base);
	return w;
}

/* A host's set in one message or in up to four; some of it may have been lost with whoever sent it. */
static void fetch(struct stream *s, uint64_t host, struct late *to, bool may_lose)
{
	unsigned parts = stream_random(s, 2) ? 1 : (unsigned)stream_random(s, 3) + 2;
	uint64_t number = ++s->number;

	for (unsigned part = 1; part <= parts; part++) {
		unsigned detections = (unsigned)stream_random(s, 3) + (part < parts);

		if (!may_lose || stream_random(s, 8))
			to->v[to->n++] = piece(host, s->run, number, part, parts, detections);
	}
}

static void list(struct stream *s, uint64_t host, struct late *to)
{
	Qidflow__V1__Host h = QIDFLOW__V1__HOST__INIT;
	Qidflow__V1__Set set = name(s->run, ++s->number);
	char ip[32];

	snprintf(ip, sizeof(ip), "10.0.0.%" PRIu64, s->number);
	h.has_id = 1;
	h.id = host;
	h.ip = ip;
	h.set = &set;
	to->v[to->n] = message(TOPIC_HOSTS, host);
	pack(&to->v[to->n++], &h.base);
}

static void describe(struct stream *s, uint64_t qid, struct late *to)
{
	Qidflow__V1__Vulnerability v = QIDFLOW__V1__VULNERABILITY__INIT;
	Qidflow__V1__Set set = name(s->run, ++s->number);
	char title[32];

	snprintf(title, sizeof(title), "title %" PRIu64, s->number);
	v.has_qid = 1;
	v.qid = qid;
	v.title = title;
	v.set = &set;
	to->v[to->n] = message(TOPIC_VULNERABILITIES, qid);
	pack(&to->v[to->n++], &v.base);
}

static void purge(struct stream *s, uint64_t host, struct late *to)
{
	s->number++;
	for (int i = 0; i < 2; i++) {
		struct written w = message(i ? TOPIC_DETECTIONS : TOPIC_HOSTS, host);

		snprintf(w.set, sizeof(w.set), "%" PRIu64 ".%" PRIu64, s->run, s->number);
		to->v[to->n++] = w;
	}
}

static void junk(struct stream *s, struct late *to)
{
	static const enum topic topics[] = {TOPIC_HOSTS, TOPIC_DETECTIONS, TOPIC_VULNERABILITIES};
	enum topic t = topics[stream_random(s, 3)];
	struct written w = message(t, t == TOPIC_VULNERABILITIES ? 100 + stream_random(s, STREAM_QIDS)
								 : 1 + stream_random(s, STREAM_HOSTS));

	w.m.size = 3;
	w.m.value = memcpy(xmalloc(3), "\xff\xff\xff", 3);
	to->v[to->n++] = w;
}

/* ---- who writes it */

static void send_all(struct stream *s, struct late *from)
{
	for (; from->next < from->n; from->next++)
		write_it(s, &from->v[from->next]);
	from->n = from->next = 0;
}

static void tombstones(struct stream *s)
{
	if (!s->n_stale)
		return;
	const struct stale_parts p = s->stale[--s->n_stale];

	for (uint32_t part = 1; part <= p.last; part++) {
		struct written w = message(TOPIC_DETECTIONS, p.host);

		snprintf(w.key, sizeof(w.key), "%" PRIu64 "/%" PRIu64 ".%" PRIu64 "/%u", p.host, p.set.run,
		    p.set.number, part);
		write_it(s, &w);
	}
}

static void again(struct stream *s) /* what a producer sends twice */
{
	struct written w;

	if (!s->n)
		return;
	w = s->v[s->n - 1 - stream_random(s, s->n < 3 ? s->n : 3)];
	if (w.m.value)
		w.m.value = memcpy(xmalloc(w.m.size + 1), w.m.value, w.m.size);
	write_it(s, &w);
}

static void do_one(struct stream *s, struct late *to, bool may_lose)
{
	uint64_t host = 1 + stream_random(s, STREAM_HOSTS);

	switch (stream_random(s, 12)) {
	case 0:
	case 1: list(s, host, to); break;
	case 2: describe(s, 100 + stream_random(s, STREAM_QIDS), to); break;
	case 3: purge(s, host, to); break;
	case 4: to->v[to->n++] = piece(host, s->run, ++s->number, 1, 1, 0); break; /* emptied */
	case 5: junk(s, to); break;
	default: fetch(s, host, to, may_lose); break;
	}
}

void stream_act(struct stream *s)
{
	struct late now = {.n = 0}, *z = &s->late[stream_random(s, STREAM_LATE)];

	switch (stream_random(s, 12)) {
	case 0:
	case 1:
	case 2: /* it begins, and freezes before its first message is out */
		if (z->next == z->n) {
			z->n = z->next = 0;
			do_one(s, z, true);
		}
		break;
	case 3:
	case 4:
	case 5: /* it wakes up for a message */
		if (z->next < z->n)
			write_it(s, &z->v[z->next++]);
		break;
	case 6: tombstones(s); break;
	case 7: again(s); break;
	case 8:
		if (stream_random(s, 4) == 0)
			loaded_complete(&s->original, s->run++, false);
		note_stale(s);
		break;
	default:
		do_one(s, &now, false);
		send_all(s, &now);
		break;
	}
}

/* ---- the end of a run */

static bool heal_one(struct stream *s)
{
	struct late now = {.n = 0};
	struct loader *l = &s->original;
	int64_t host =
	    loaded_ask(l, "SELECT min(id) FROM (SELECT id FROM qidflow_ignored UNION SELECT id FROM"
			  " qidflow_ignored_row WHERE topic = 'hosts' UNION SELECT id FROM qidflow_host"
			  " WHERE detected AND NOT listed)");
	int64_t qid =
	    loaded_ask(l, "SELECT min(id) FROM qidflow_ignored_row WHERE topic = 'vulnerabilities'");

	if (!host && !qid)
		return false;
	if (qid)
		describe(s, (uint64_t)qid, &now);
	if (host && stream_random(s, 3)) {
		list(s, (uint64_t)host, &now);
		fetch(s, (uint64_t)host, &now, false);
	} else if (host) {
		purge(s, (uint64_t)host, &now);
	}
	send_all(s, &now);
	return true;
}

void stream_heal(struct stream *s)
{
	for (int i = 0; i < STREAM_LATE; i++)
		send_all(s, &s->late[i]);
	while (heal_one(s))
		;
	while (s->n_stale && stream_random(s, 10))
		tombstones(s);
	loaded_complete(&s->original, s->run, true);
}

/* ---- the topic */

static bool is_last_before(const struct stream *s, size_t at, size_t upto)
{
	for (size_t i = at + 1; i < upto; i++)
		if (s->v[i].m.topic == s->v[at].m.topic && !strcmp(s->v[i].key, s->v[at].key))
			return false;
	return true;
}

size_t stream_compact(struct stream *s, size_t upto, const struct written **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		bool keep = i >= upto || is_last_before(s, i, upto);

		if (keep && i < upto && !s->v[i].m.value)
			keep = stream_random(s, 2) != 0;
		if (keep)
			ret[n++] = &s->v[i];
	}
	return n;
}

void stream_open(struct stream *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	s->run = s->number = 1;
	loaded_open(&s->original);
}

void stream_close(struct stream *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].m.value);
	free(s->v);
	loaded_close(&s->original);
}
