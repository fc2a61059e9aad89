/* loader_message.c -- one message of hosts, vulnerabilities or detections: is it what its key says, and into the store.
 *
 * Whatever is no such message goes to qidflow.deadletters and is skipped; where its key names a host, that host is asked
 * for again, since the topic may hold nothing better of it. */
#include "loader_message.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "deadletter.h"
#include "loader_meta.h"
#include "log.h"
#include "record.h"
#include "xalloc.h"

struct key { /* id, or id/run.number/part */
	uint64_t id;
	struct set_name set;
	uint64_t part;
	bool has_id, plain, good;
};

/* Digits at the front of *s, at most INT64_MAX, no leading zero; moves on. */
static bool take_number(const char **s, const char *end, uint64_t *ret)
{
	const char *at = *s;
	uint64_t n = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (n > ((uint64_t)INT64_MAX - digit) / 10 || (n == 0 && at > *s))
			return false;
		n = n * 10 + digit;
	}
	if (at == *s)
		return false;
	*s = at;
	*ret = n;
	return true;
}

static bool take_sign(const char **s, const char *end, char sign)
{
	if (*s == end || **s != sign)
		return false;
	(*s)++;
	return true;
}

static struct key read_key(const struct message *m)
{
	const char *s = m->key, *end = s + m->key_size;
	struct key k = {0};

	if (!s || !take_number(&s, end, &k.id) || (s < end && *s != '/'))
		return k;
	k.has_id = true;
	k.plain = k.good = s == end;
	if (!k.plain)
		k.good = take_sign(&s, end, '/') && take_number(&s, end, &k.set.run) &&
			 take_sign(&s, end, '.') && take_number(&s, end, &k.set.number) &&
			 take_sign(&s, end, '/') && take_number(&s, end, &k.part) && s == end;
	return k;
}

/* A tombstone's name. */
static bool read_header(const struct message *m, struct set_name *ret)
{
	for (int i = 0; i < TRANSPORT_HEADERS && m->headers[i].name; i++) {
		const char *s = m->headers[i].value;

		if (strcmp(m->headers[i].name, "set") || !s)
			continue;
		const char *end = s + strlen(s);
		return take_number(&s, end, &ret->run) && take_sign(&s, end, '.') &&
		       take_number(&s, end, &ret->number) && s == end;
	}
	return false;
}

static bool has_name(const Qidflow__V1__Set *set)
{
	return set && set->has_run && set->has_number && set->run <= INT64_MAX && set->number <= INT64_MAX;
}

/* ---- junk */

static bool settle(struct loader *l, uint64_t host, enum stored stored)
{
	if (stored != STORE_IGNORED)
		return stored == STORE_DONE;
	if (l->n_ignored == l->ignored_room) {
		l->ignored_room = l->ignored_room ? 2 * l->ignored_room : 64;
		l->ignored = xrealloc(l->ignored, l->ignored_room * sizeof(*l->ignored));
	}
	l->ignored[l->n_ignored++] = host;
	return true;
}

static bool mark_junk(struct loader *l, enum topic topic, uint64_t id)
{
	static const char reason[] = "a message with its key cannot be used";
	struct set_name none = {0};

	switch (topic) {
	case TOPIC_DETECTIONS: return settle(l, id, store_mark(l->store, id, none, reason));
	case TOPIC_HOSTS: return settle(l, id, store_mark_row(l->store, topic_name(topic), id, none, reason));
	case TOPIC_VULNERABILITIES:
		return store_mark_row(l->store, topic_name(topic), id, none, reason) != STORE_FAILED;
	default: return true;
	}
}

bool loader_message_junk(struct loader *l, const struct message *m, const char *error)
{
	struct key k = read_key(m);

	l->dead_letters++;
	log_line(LOG_WARN,
	    "a message %s, goes to the dead letters, %" PRIu64
	    " so far topic=%s partition=%d offset=%" PRId64,
	    error, l->dead_letters, topic_name(m->topic), (int)m->partition, m->offset);
	deadletter_send(l->t, m, error, l->dead); /* false: stopped, and the next poll says so */
	return !k.has_id || mark_junk(l, m->topic, k.id);
}

/* ---- messages */

static void *unpack(struct loader *l, record_type *type, const struct message *m)
{
	return record_unpack(l->arena, type, m->value, m->size);
}

static bool take_tombstone(struct loader *l, const struct message *m, const struct key *k)
{
	struct set_name purge;

	if (m->topic == TOPIC_VULNERABILITIES)
		return loader_message_junk(l, m, "is a tombstone of a vulnerability");
	if (!read_header(m, &purge))
		return loader_message_junk(l, m, "is a tombstone without the name of its purge");
	loader_see(l, purge.run, purge.number);
	return settle(l, k->id,
	    m->topic == TOPIC_HOSTS ? store_purge_host(l->store, k->id, purge)
				    : store_purge_detections(l->store, k->id, purge));
}

static bool take_host(struct loader *l, const struct message *m, const struct key *k)
{
	const Qidflow__V1__Host *h = unpack(l, &qidflow__v1__host__descriptor, m);

	if (!h)
		return loader_message_junk(l, m, "is no Host");
	if (!h->has_id || h->id != k->id || !has_name(h->set))
		return loader_message_junk(l, m, "is a Host whose key is another or whose set has no name");
	loader_see(l, h->set->run, h->set->number);
	return settle(l, k->id, store_host(l->store, h));
}

static bool take_vulnerability(struct loader *l, const struct message *m, const struct key *k)
{
	const Qidflow__V1__Vulnerability *v = unpack(l, &qidflow__v1__vulnerability__descriptor, m);

	if (!v)
		return loader_message_junk(l, m, "is no Vulnerability");
	if (!v->has_qid || v->qid != k->id || !has_name(v->set))
		return loader_message_junk(
		    l, m, "is a Vulnerability whose key is another or whose set has no name");
	loader_see(l, v->set->run, v->set->number);
	return store_vulnerability(l->store, v) !=
	       STORE_FAILED; /* a QID is no host: the first Report leaves it out */
}

static bool take_part(
    struct loader *l, const struct message *m, const struct key *k, const Qidflow__V1__HostDetections *h)
{
	if (h->set->run != k->set.run || h->set->number != k->set.number || !h->has_part ||
	    h->part != k->part || !h->part)
		return loader_message_junk(l, m, "is a part that its key does not name");
	return settle(l, k->id, store_part(l->store, k->id, k->set, h->part, m->value, m->size));
}

static bool take_detections(struct loader *l, const struct message *m, const struct key *k)
{
	Qidflow__V1__HostDetections *h = unpack(l, &qidflow__v1__host_detections__descriptor, m);

	if (!h)
		return loader_message_junk(l, m, "is no HostDetections");
	if (!h->has_id || h->id != k->id || !has_name(h->set))
		return loader_message_junk(
		    l, m, "is a HostDetections whose key is another or whose set has no name");
	loader_see(l, h->set->run, h->set->number);
	if (!k->plain)
		return take_part(l, m, k, h);
	if (h->has_parts ? !h->parts : h->has_part)
		return loader_message_junk(l, m, "is a part with the key of a whole set");
	return settle(l, k->id, store_set(l->store, h));
}

bool loader_message_take(struct loader *l, const struct message *m)
{
	struct key k = read_key(m);

	if (!k.good || (!k.plain && m->topic != TOPIC_DETECTIONS))
		return loader_message_junk(l, m, "has a key that is none of ours");
	if (!m->value && !k.plain)
		return settle(l, k.id, store_drop_part(l->store, k.id, k.set, k.part));
	if (!m->value)
		return take_tombstone(l, m, &k);
	switch (m->topic) {
	case TOPIC_HOSTS: return take_host(l, m, &k);
	case TOPIC_VULNERABILITIES: return take_vulnerability(l, m, &k);
	case TOPIC_DETECTIONS: return take_detections(l, m, &k);
	default: abort(); /* no other is read */
	}
}
