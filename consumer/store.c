/* store.c -- the database as the loader writes it: Host List, KnowledgeBase, purges and marks; sets are in store_set.c.
 *
 * The names of sets decide, no clock does. Statements are prepared once; a message's values are bound where they lie. */
#include "store.h"
#include <inttypes.h>
#include <stdlib.h>
#include "arena.h"
#include "continued.h"
#include "db.h"
#include "detection_key.h"
#include "log.h"
#include "row.h"
#include "schema.h"
#include "store_inside.h"
#include "xalloc.h"

static const struct {
	size_t offset;
	const char *sql;
} statements[] = {
    {offsetof(struct store, get_host),
	"SELECT seq, run, number, list_run, list_number, detected, listed, purged"
	" FROM qidflow_host WHERE id = ?1"},
    {offsetof(struct store, put_host),
	"INSERT INTO qidflow_host(id, seq, run, number, list_run, list_number, detected, listed, purged)"
	" VALUES(?1, nullif(?2, 0), ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(id) DO UPDATE SET seq = "
	"excluded.seq,"
	" run = excluded.run, number = excluded.number, list_run = excluded.list_run,"
	" list_number = excluded.list_number, detected = excluded.detected, listed = excluded.listed,"
	" purged = excluded.purged"},
    /* As most are: seq stays, and so does its index, a page of which would be written for each host. */
    {offsetof(struct store, put_host_again),
	"UPDATE qidflow_host SET run = ?3, number = ?4, list_run = ?5, list_number = ?6, detected = ?7,"
	" listed = ?8, purged = ?9 WHERE id = ?1"},
    {offsetof(struct store, drop_host), "DELETE FROM Q_Host_List WHERE ID = ?1"},
    {offsetof(struct store, drop_detection_host), "DELETE FROM Q_Host_List_Detection_HOSTS WHERE ID = ?1"},
    {offsetof(struct store, drop_detections),
	"DELETE FROM Q_Host_List_Detection_QIDS WHERE detection_row BETWEEN ?1 AND ?2"},
    {offsetof(struct store, get_vulnerability), "SELECT BATCH_NUMBER FROM Q_KnowledgeBase WHERE QID = ?1"},
    {offsetof(struct store, put_part), "INSERT OR REPLACE INTO qidflow_part VALUES(?1, ?2, ?3, ?4, ?5)"},
    {offsetof(struct store, count_parts), "SELECT count(*) FROM qidflow_part WHERE id = ?1 AND run = ?2 AND "
					  "number = ?3 AND part BETWEEN 1 AND ?4"},
    {offsetof(struct store, get_parts),
	"SELECT message FROM qidflow_part WHERE id = ?1 AND run = ?2 AND number = ?3"
	" AND part BETWEEN 1 AND ?4 ORDER BY part"},
    {offsetof(struct store, drop_parts),
	"DELETE FROM qidflow_part WHERE id = ?1 AND (run, number) <= (?2, ?3)"},
    {offsetof(struct store, put_mark),
	"INSERT INTO qidflow_ignored VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) DO UPDATE SET run = excluded.run,"
	" number = excluded.number, reason = excluded.reason WHERE (excluded.run, excluded.number) >= (run, "
	"number)"},
    {offsetof(struct store, drop_mark),
	"DELETE FROM qidflow_ignored WHERE id = ?1 AND (run, number) <= (?2, ?3)"},
    {offsetof(struct store, put_row_mark), "INSERT INTO qidflow_ignored_row VALUES(?4, ?1, ?2, ?3, ?5) ON "
					   "CONFLICT(topic, id) DO UPDATE SET run ="
					   " excluded.run, number = excluded.number, reason = excluded.reason"
					   " WHERE (excluded.run, excluded.number) >= (run, number)"},
    {offsetof(struct store, drop_row_mark),
	"DELETE FROM qidflow_ignored_row WHERE topic = ?4 AND id = ?1 AND (run, number) <= (?2, ?3)"},
    {offsetof(struct store, is_marked),
	"SELECT EXISTS (SELECT 1 FROM qidflow_ignored WHERE id = ?1) OR"
	" EXISTS (SELECT 1 FROM qidflow_ignored_row WHERE topic = 'hosts' AND id = ?1)"},
    {offsetof(struct store, put_part_set),
	"INSERT INTO qidflow_part_set(id, run, number, last, stale) VALUES(?1, ?2, ?3, ?4, ?5) ON "
	"CONFLICT(id, "
	"run, number) DO UPDATE SET last = max(last, excluded.last), stale = max(stale, excluded.stale),"
	" gone = min(gone, excluded.last - 1)"
	" RETURNING id, run, number, last, stale"},
    {offsetof(struct store, drop_part),
	"DELETE FROM qidflow_part WHERE id = ?1 AND run = ?2 AND number = ?3 AND part = ?4"},
    {offsetof(struct store, part_is_gone),
	"UPDATE qidflow_part_set SET gone = gone + 1 WHERE id = ?1 AND run = ?2 "
	"AND number = ?3 AND gone = ?4 - 1"},
    {offsetof(struct store, drop_part_set),
	"DELETE FROM qidflow_part_set WHERE id = ?1 AND run = ?2 AND number = ?3 AND gone >= last"},
    {offsetof(struct store, end_part_sets),
	"UPDATE qidflow_part_set SET stale = 1 WHERE id = ?1 AND (run, number) < (?2, ?3) AND NOT stale"
	" RETURNING id, run, number, last, stale"},
};

static bool prepare(struct store *s)
{
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		sqlite3_stmt *st = db_prepare(s->db, statements[i].sql);

		if (!st)
			return false;
		*(sqlite3_stmt **)(void *)((char *)s + statements[i].offset) = st;
	}
	return true;
}

struct store *store_open(struct db *d)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->db = d;
	s->arena = arena_open();
	s->keys = detection_keys_open();
	s->continued = continued_open();
	if (schema_open(d) && prepare(s) && (s->hosts = row_open(d, TABLE_HOST_LIST)) &&
	    (s->detection_hosts = row_open(d, TABLE_DETECTION_HOSTS)) &&
	    (s->detections = row_open(d, TABLE_DETECTION_QIDS)) &&
	    (s->vulnerabilities = row_open(d, TABLE_KNOWLEDGEBASE)) &&
	    db_int(d, &s->next_seq, "SELECT coalesce(max(seq), 0) + 1 FROM qidflow_host") &&
	    db_int(d, &s->row_marks, "SELECT EXISTS (SELECT 1 FROM qidflow_ignored_row)") &&
	    db_int(d, &s->part_sets, "SELECT EXISTS (SELECT 1 FROM qidflow_part_set)"))
		return s;
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	row_close(s->hosts);
	row_close(s->detection_hosts);
	row_close(s->detections);
	row_close(s->vulnerabilities);
	continued_close(s->continued);
	detection_keys_close(s->keys);
	arena_close(s->arena);
	free(s->stale);
	free(s);
}

uint64_t store_rows(const struct store *s)
{
	return s->rows;
}

uint64_t store_detections(const struct store *s)
{
	return s->n_detections;
}

void store_log_unreadable(struct store *s)
{
	row_log_unreadable(s->hosts);
	row_log_unreadable(s->detection_hosts);
	row_log_unreadable(s->detections);
	row_log_unreadable(s->vulnerabilities);
}

bool store_is_smaller(struct set_name a, struct set_name b)
{
	return a.run < b.run || (a.run == b.run && a.number < b.number);
}

/* ---- qidflow_host */

bool store_get_host(struct store *s, uint64_t id, struct stored_host *ret)
{
	sqlite3_stmt *st = s->get_host;

	*ret = (struct stored_host){.id = (int64_t)id};
	sqlite3_bind_int64(st, 1, (int64_t)id);
	int row = db_row(s->db, st);
	if (row != 1)
		return row == 0;
	ret->is_stored = true;
	ret->seq = ret->stored_seq = sqlite3_column_int64(st, 0);
	ret->set =
	    (struct set_name){(uint64_t)sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 2)};
	ret->list =
	    (struct set_name){(uint64_t)sqlite3_column_int64(st, 3), (uint64_t)sqlite3_column_int64(st, 4)};
	ret->detected = sqlite3_column_int(st, 5) != 0;
	ret->listed = sqlite3_column_int(st, 6) != 0;
	ret->purged = sqlite3_column_int(st, 7) != 0;
	sqlite3_reset(st);
	return true;
}

bool store_put_host(struct store *s, const struct stored_host *h)
{
	const int64_t values[] = {h->id, h->seq, (int64_t)h->set.run, (int64_t)h->set.number,
	    (int64_t)h->list.run, (int64_t)h->list.number, h->detected, h->listed, h->purged};

	bool again = h->is_stored && h->seq == h->stored_seq;
	sqlite3_stmt *st = again ? s->put_host_again : s->put_host;

	for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
		if (i != 1 || !again) /* ?2, seq */
			sqlite3_bind_int64(st, i + 1, values[i]);
	return db_step(s->db, st);
}

bool store_run(struct store *s, sqlite3_stmt *st, uint64_t id)
{
	sqlite3_bind_int64(st, 1, (int64_t)id);
	return db_step(s->db, st);
}

bool store_run_set(struct store *s, sqlite3_stmt *st, uint64_t id, struct set_name set)
{
	sqlite3_bind_int64(st, 2, (int64_t)set.run);
	sqlite3_bind_int64(st, 3, (int64_t)set.number);
	return store_run(s, st, id);
}

/* ---- lists */

enum stored store_host(struct store *s, const Qidflow__V1__Host *h)
{
	struct set_name set = {h->set->run, h->set->number};
	struct stored_host row;

	if (!store_get_host(s, h->id, &row))
		return STORE_FAILED;
	if (store_is_smaller(set, row.list))
		return store_mark_row(s, "hosts", h->id, set, "an older row of Host List was ignored");
	row.list = set;
	row.listed = true;
	row.purged = false;
	row_set(s->hosts, h->set);
	s->rows++;
	return row_insert(s->hosts, &h->base) && store_put_host(s, &row) &&
		       store_drop_row_mark(s, "hosts", h->id, set)
		   ? STORE_DONE
		   : STORE_FAILED;
}

enum stored store_vulnerability(struct store *s, const Qidflow__V1__Vulnerability *v)
{
	struct set_name set = {v->set->run, v->set->number};
	sqlite3_stmt *st = s->get_vulnerability;

	sqlite3_bind_int64(st, 1, (int64_t)v->qid);
	int row = db_row(s->db, st);
	if (row < 0)
		return STORE_FAILED;
	if (row == 1) {
		bool older = v->set->number < (uint64_t)sqlite3_column_int64(st, 0);

		sqlite3_reset(st);
		if (older)
			return store_mark_row(s, "vulnerabilities", v->qid, set,
			    "an older row of the KnowledgeBase was ignored");
	}
	row_set(s->vulnerabilities, v->set);
	s->rows++;
	return row_insert(s->vulnerabilities, &v->base) &&
		       store_drop_row_mark(s, "vulnerabilities", v->qid, set)
		   ? STORE_DONE
		   : STORE_FAILED;
}

/* ---- tombstones */

enum stored store_purge_host(struct store *s, uint64_t host, struct set_name purge)
{
	struct stored_host row;

	if (!store_get_host(s, host, &row))
		return STORE_FAILED;
	if (store_is_smaller(purge, row.list))
		return store_mark_row(
		    s, "hosts", host, purge, "a purge that is older than its row of Host List was ignored");
	row.list = purge;
	row.listed = false;
	row.purged = true;
	s->rows++;
	return store_run(s, s->drop_host, host) && store_put_host(s, &row) &&
		       store_drop_row_mark(s, "hosts", host, purge)
		   ? STORE_DONE
		   : STORE_FAILED;
}

enum stored store_purge_detections(struct store *s, uint64_t host, struct set_name purge)
{
	struct stored_host row;

	if (!store_get_host(s, host, &row))
		return STORE_FAILED;
	if (store_is_smaller(purge, row.set))
		return store_mark(s, host, purge, "a purge that is older than its detections was ignored");
	s->rows++;
	row.purged = true;
	return store_empty(s, &row) && store_settle(s, &row, purge) ? STORE_DONE : STORE_FAILED;
}
