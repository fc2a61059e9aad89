/* store_set.c -- a host's set of detections takes the place of the one before it, whole or not at all.
 *
 * A host in parts is never held whole: its parts are read from the table one by one, and of what was read only the last
 * detection is kept, since the next part may go on with it. What cannot be applied is marked, and the rows stay. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include "arena.h"
#include "ceilings.h"
#include "continued.h"
#include "db.h"
#include "detection_key.h"
#include "record.h"
#include "row.h"
#include "store_inside.h"

enum { ORDINAL_BITS = 20 };
_Static_assert(
    CEILING_HOST_DETECTIONS <= 1 << ORDINAL_BITS, "a host's range of rowids holds all its detections");

struct filling { /* a set that is being written */
	struct store *store;
	int64_t first_row, count;
	const char *fault; /* why this set cannot be applied; NULL: it can, or the database refused */
};

static bool refuse(struct filling *f, const char *fault)
{
	f->fault = fault;
	return false;
}

/* ---- the rows of a host */

bool store_empty(struct store *s, struct stored_host *h)
{
	if (!h->detected)
		return true;
	int64_t first = h->seq << ORDINAL_BITS;
	sqlite3_bind_int64(s->drop_detections, 1, first);
	sqlite3_bind_int64(s->drop_detections, 2, first + CEILING_HOST_DETECTIONS - 1);
	h->detected = false;
	return db_step(s->db, s->drop_detections) && store_run(s, s->drop_detection_host, (uint64_t)h->id);
}

/* The new set's rows are written over those of the one before it, which changes each page once; to delete them first
 * would take pages apart and put them together again. What is behind the new ones goes now. */
static bool drop_rest(struct filling *f, struct stored_host *h)
{
	struct store *s = f->store;

	if (!h->detected || !f->count)
		return store_empty(s, h);
	sqlite3_bind_int64(s->drop_detections, 1, f->first_row + f->count);
	sqlite3_bind_int64(s->drop_detections, 2, f->first_row + CEILING_HOST_DETECTIONS - 1);
	return db_step(s->db, s->drop_detections);
}

bool store_settle(struct store *s, struct stored_host *h, struct set_name set)
{
	h->set = set;
	return store_put_host(s, h) && store_run_set(s, s->drop_parts, (uint64_t)h->id, set) &&
	       store_run_set(s, s->drop_mark, (uint64_t)h->id, set) &&
	       store_end_part_sets(s, (uint64_t)h->id, set);
}

static bool insert(struct filling *f, const Qidflow__V1__Detection *d)
{
	struct store *s = f->store;

	if (f->count == CEILING_HOST_DETECTIONS)
		return refuse(f, "it has more detections than a host can have here");
	return row_insert_detection(
	    s->detections, &d->base, detection_keys_next(s->keys, d), f->first_row + f->count++);
}

/* ---- parts */

static bool end_continued(struct filling *f, struct arena *a)
{
	struct continued *c = f->store->continued;

	if (!continued_any(c))
		return true;
	bool ok = insert(f, continued_take(c, a));
	continued_clear(c);
	return ok;
}

static bool keep(struct filling *f, Qidflow__V1__Detection *d)
{
	return continued_add(f->store->continued, d) || refuse(f, "a value of it is larger than any may be");
}

/* A piece of a set; of all but the last one, the last detection is held back. */
static bool insert_piece(struct filling *f, Qidflow__V1__HostDetections *p, bool last)
{
	size_t n = p->n_detection_list, i = 0;

	if (p->has_continued && p->continued) {
		if (!n || !continued_any(f->store->continued))
			return refuse(f, "a part of it goes on with a detection that is not there");
		if (!keep(f, p->detection_list[i++]))
			return false;
	}
	if ((i < n || last) && !end_continued(f, f->store->arena))
		return false;
	for (; i < n; i++) {
		bool held_back = !last && i + 1 == n;

		if (held_back ? !keep(f, p->detection_list[i]) : !insert(f, p->detection_list[i]))
			return false;
	}
	return true;
}

static bool insert_parts(struct filling *f, const Qidflow__V1__HostDetections *last)
{
	struct store *s = f->store;
	sqlite3_stmt *st = s->get_parts;
	bool ok = true;
	int row;

	sqlite3_bind_int64(st, 1, (int64_t)last->id);
	sqlite3_bind_int64(st, 2, (int64_t)last->set->run);
	sqlite3_bind_int64(st, 3, (int64_t)last->set->number);
	sqlite3_bind_int64(st, 4, (int64_t)last->parts - 1);
	while (ok && (row = db_row(s->db, st)) != 0) {
		if (row < 0)
			return false;
		arena_reset(s->arena);
		Qidflow__V1__HostDetections *p = (Qidflow__V1__HostDetections *)record_unpack(s->arena,
		    &qidflow__v1__host_detections__descriptor, sqlite3_column_blob(st, 0),
		    (size_t)sqlite3_column_bytes(st, 0));
		ok = p ? insert_piece(f, p, false) : refuse(f, "a part of it cannot be read");
	}
	sqlite3_reset(st);
	return ok;
}

/* 1: they are all there, 0: not; -1: logged. */
static int has_all_parts(struct store *s, const Qidflow__V1__HostDetections *last)
{
	sqlite3_stmt *st = s->count_parts;

	sqlite3_bind_int64(st, 1, (int64_t)last->id);
	sqlite3_bind_int64(st, 2, (int64_t)last->set->run);
	sqlite3_bind_int64(st, 3, (int64_t)last->set->number);
	sqlite3_bind_int64(st, 4, (int64_t)last->parts - 1);
	if (db_row(s->db, st) != 1)
		return -1;
	bool all = sqlite3_column_int64(st, 0) == (int64_t)last->parts - 1;
	sqlite3_reset(st);
	return all;
}

/* ---- sets */

static bool fill(struct filling *f, struct stored_host *h, Qidflow__V1__HostDetections *last)
{
	struct store *s = f->store;
	bool is_new = h->seq == 0;

	if (is_new)
		h->seq = s->next_seq;
	f->first_row = h->seq << ORDINAL_BITS;
	detection_keys_clear(s->keys);
	continued_clear(s->continued);
	row_set(s->detections, last->set);
	row_set_host(s->detections, last);
	if (last->parts > 1 && !insert_parts(f, last))
		return false;
	arena_reset(s->arena);
	if (!insert_piece(f, last, true) || !drop_rest(f, h))
		return false;
	s->rows += (uint64_t)f->count + 1;
	s->n_detections += (uint64_t)f->count;
	if (!f->count) {
		h->seq = is_new ? 0 : h->seq;
		return true;
	}
	s->next_seq += is_new;
	h->detected = true;
	row_set(s->detection_hosts, last->set);
	return row_insert(s->detection_hosts, &last->base);
}

/* A set in parts may turn out to be bad while it is being written; then it leaves no trace. (A savepoint copies each
 * page that it changes, so others do without.) */
static enum stored replace_by_parts(struct store *s, struct stored_host *h, Qidflow__V1__HostDetections *last)
{
	struct filling f = {.store = s};
	struct set_name set = {last->set->run, last->set->number};

	if (!db_exec(s->db, "SAVEPOINT host"))
		return STORE_FAILED;
	if (fill(&f, h, last))
		return store_settle(s, h, set) && db_exec(s->db, "RELEASE host") ? STORE_DONE : STORE_FAILED;
	continued_clear(s->continued);
	if (!f.fault || !db_exec(s->db, "ROLLBACK TO host; RELEASE host"))
		return STORE_FAILED;
	return store_mark(s, last->id, set, f.fault);
}

static enum stored replace(struct store *s, struct stored_host *h, Qidflow__V1__HostDetections *m)
{
	struct filling f = {.store = s};
	struct set_name set = {m->set->run, m->set->number};

	if (m->n_detection_list > CEILING_HOST_DETECTIONS || (m->has_continued && m->continued))
		return store_mark(
		    s, m->id, set, "a set was ignored because it is too large, or only the end of one");
	return fill(&f, h, m) && store_settle(s, h, set) ? STORE_DONE : STORE_FAILED;
}

enum stored store_set(struct store *s, Qidflow__V1__HostDetections *h)
{
	struct set_name set = {h->set->run, h->set->number};
	struct stored_host row;

	if (!store_get_host(s, h->id, &row))
		return STORE_FAILED;
	if (store_is_smaller(set, row.set))
		return store_mark(s, h->id, set, "a set that is older than its present one was ignored");
	if (!store_is_smaller(row.set, set)) /* once more: now the topic ends with it again */
		return store_run_set(s, s->drop_mark, h->id, set) ? STORE_DONE : STORE_FAILED;
	row.purged = false;
	if (h->parts <= 1)
		return replace(s, &row, h);
	int all = has_all_parts(s, h);
	if (all < 0)
		return STORE_FAILED;
	return all ? replace_by_parts(s, &row, h)
		   : store_mark(s, h->id, set, "a set was ignored because parts of it are missing");
}
