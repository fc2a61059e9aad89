/* progress_batch.c -- the batches in progress.db, and the QIDs that they named. */
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "log.h"
#include "progress_inside.h"
#include "xalloc.h"

enum { TEXT_BYTES = 64 * 1024 * 1024 };

static const char *const state_names[BATCH_STATES] = {
    "WAITING", "SENT", "FETCHED", "LOADED", "LEFT_OUT", "HELD", "DEAD"};

const char *batch_state_name(enum batch_state s)
{
	return state_names[s];
}

void progress_batch_close(struct progress_batch *b)
{
	ids_close(&b->hosts);
	ids_close(&b->lost);
	free(b->ends);
	b->ends = NULL;
	b->n_ends = 0;
}

bool progress_batch_prepare(struct progress *p)
{
	p->insert = db_prepare(p->db,
	    "INSERT INTO batch(run, number, state, hosts, ids, tries, lost, again, "
	    "http_status, error, changed_at, came, came_empty, emptied, detections, xml_bytes, slot, ended, "
	    "sent_at, ends)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
	    "?20)");
	p->update = db_prepare(p->db,
	    "UPDATE batch SET run = ?1, number = ?2, state = ?3, hosts = ?4, ids = "
	    "?5, tries = ?6, lost = ?7, again = ?8,"
	    " http_status = ?9, error = ?10, changed_at = ?11, came = ?12, came_empty = ?13,"
	    " emptied = ?14, detections = ?15, xml_bytes = ?16, slot = ?17, ended = ?18, sent_at = ?19, ends "
	    "= ?20 WHERE id = ?21");
	p->drop = db_prepare(p->db, "DELETE FROM batch WHERE id = ?1");
	p->qid = db_prepare(p->db, "INSERT OR IGNORE INTO qid VALUES(?1, ?2)");
	return p->insert && p->update && p->drop && p->qid;
}

/* ---- ends: "detections/3=120,detections/4=7" */

static bool write_ends(const struct progress_batch *b, struct buffer *to)
{
	bool ok = true;

	for (size_t i = 0; ok && i < b->n_ends; i++)
		ok = buffer_printf(to, "%s%s/%d=%lld", i ? "," : "", topic_name(b->ends[i].topic),
		    (int)b->ends[i].partition, (long long)b->ends[i].next);
	return ok;
}

static bool read_end(const char *text, size_t len, struct delivery_end *ret)
{
	char one[64], *slash, *rest;

	if (len >= sizeof(one))
		return false;
	memcpy(one, text, len);
	one[len] = '\0';
	if (!(slash = strchr(one, '/')))
		return false;
	*slash = '\0';
	ret->partition = (int32_t)strtol(slash + 1, &rest, 10);
	if (*rest != '=' || !topic_of(one, &ret->topic))
		return false;
	ret->next = strtoll(rest + 1, &rest, 10);
	return *rest == '\0';
}

static bool read_ends(const char *text, struct progress_batch *b)
{
	while (text && *text) {
		size_t len = strcspn(text, ",");

		b->ends = xrealloc(b->ends, (b->n_ends + 1) * sizeof(*b->ends));
		if (!read_end(text, len, &b->ends[b->n_ends]))
			return false;
		b->n_ends++;
		text += len + (text[len] == ',');
	}
	return true;
}

/* ---- batches */

static void bind(sqlite3_stmt *s, uint64_t run, const struct progress_batch *b, const char *ids,
    const char *lost, const char *ends)
{
	const struct progress_counts *n = &b->counts;
	const int64_t counts[] = {(int64_t)n->came, (int64_t)n->came_empty, (int64_t)n->emptied,
	    (int64_t)n->detections, (int64_t)n->xml_bytes};

	sqlite3_bind_int64(s, 1, (int64_t)run);
	sqlite3_bind_int64(s, 2, (int64_t)b->number);
	sqlite3_bind_text(s, 3, state_names[b->state], -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, (int64_t)b->hosts.count);
	sqlite3_bind_text(s, 5, ids, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 6, b->tries);
	sqlite3_bind_text(s, 7, lost, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 8, b->again);
	sqlite3_bind_int(s, 9, b->http_status);
	sqlite3_bind_text(s, 10, b->error, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 11, clock_wall_s());
	for (int i = 0; i < 5; i++)
		sqlite3_bind_int64(s, 12 + i, counts[i]);
	sqlite3_bind_int(s, 17, b->state == BATCH_SENT ? b->slot : -1);
	sqlite3_bind_int(s, 18, b->ended);
	if (b->state == BATCH_SENT)
		sqlite3_bind_int64(s, 19, b->sent_at);
	else
		sqlite3_bind_null(s, 19);
	sqlite3_bind_text(s, 20, b->state == BATCH_FETCHED ? ends : "", -1, SQLITE_STATIC);
}

bool progress_save(struct progress *p, uint64_t run, struct progress_batch *b)
{
	sqlite3_stmt *s = b->id ? p->update : p->insert;
	struct buffer ids, lost, ends;
	bool ok = false;

	buffer_open(&ids, TEXT_BYTES);
	buffer_open(&lost, TEXT_BYTES);
	buffer_open(&ends, TEXT_BYTES);
	if (!ids_write(&b->hosts, &ids) || !ids_write(&b->lost, &lost) || !write_ends(b, &ends)) {
		fail("a batch of %llu hosts has too many ids to be stored",
		    (unsigned long long)b->hosts.count);
		goto done;
	}
	pthread_mutex_lock(&p->lock);
	bind(s, run, b, buffer_text(&ids), buffer_text(&lost), buffer_text(&ends));
	if (b->id)
		sqlite3_bind_int64(s, 21, b->id);
	ok = db_step(p->db, s);
	if (ok && !b->id)
		b->id = sqlite3_last_insert_rowid(db_handle(p->db));
	pthread_mutex_unlock(&p->lock);
done:
	buffer_close(&ids);
	buffer_close(&lost);
	buffer_close(&ends);
	return ok;
}

bool progress_drop(struct progress *p, struct progress_batch *b)
{
	if (!b->id)
		return true;
	pthread_mutex_lock(&p->lock);
	sqlite3_bind_int64(p->drop, 1, b->id);
	bool ok = db_step(p->db, p->drop);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

static enum batch_state state_of(const char *name)
{
	for (int i = 0; i < BATCH_STATES; i++)
		if (name && strcmp(name, state_names[i]) == 0)
			return (enum batch_state)i;
	return BATCH_WAITING; /* asking once too often does no harm */
}

static bool read_batch(struct progress *p, sqlite3_stmt *s, struct progress_batch *ret)
{
	const char *ids = (const char *)sqlite3_column_text(s, 3);
	const char *lost = (const char *)sqlite3_column_text(s, 5);
	const char *error = (const char *)sqlite3_column_text(s, 8);

	*ret = (struct progress_batch){.id = sqlite3_column_int64(s, 0),
	    .number = (uint64_t)sqlite3_column_int64(s, 1),
	    .state = state_of((const char *)sqlite3_column_text(s, 2)),
	    .tries = sqlite3_column_int(s, 4),
	    .again = sqlite3_column_int(s, 6) != 0,
	    .http_status = sqlite3_column_int(s, 7),
	    .counts = {.came = (uint64_t)sqlite3_column_int64(s, 9),
		.came_empty = (uint64_t)sqlite3_column_int64(s, 10),
		.emptied = (uint64_t)sqlite3_column_int64(s, 11),
		.detections = (uint64_t)sqlite3_column_int64(s, 12),
		.xml_bytes = (uint64_t)sqlite3_column_int64(s, 13)},
	    .slot = sqlite3_column_int(s, 14),
	    .ended = sqlite3_column_int(s, 15) != 0,
	    .sent_at = sqlite3_column_int64(s, 16)};
	memcpy(ret->error, error ? error : "", strnlen(error ? error : "", sizeof(ret->error) - 1));
	if (ids_read(&ret->hosts, ids ? ids : "", strlen(ids ? ids : "")) &&
	    ids_read(&ret->lost, lost ? lost : "", strlen(lost ? lost : "")) &&
	    read_ends((const char *)sqlite3_column_text(s, 17), ret))
		return true;
	progress_batch_close(ret);
	return fail("%s: batch %lld has ids or ends that cannot be read; delete the file, the database has "
		    "the rest",
	    db_path(p->db), (long long)ret->id);
}

bool progress_each(struct progress *p, uint64_t run, progress_batch_fn *fn, void *arg)
{
	sqlite3_stmt *s = db_prepare(p->db,
	    "SELECT id, number, state, ids, tries, lost, again, http_status, "
	    "error, came, came_empty, emptied, detections, xml_bytes, slot, ended, sent_at, ends FROM batch "
	    "WHERE run = ?1 ORDER BY id");
	int more = -1;

	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, (int64_t)run);
	while ((more = db_row(p->db, s)) == 1) {
		struct progress_batch b;

		if (!read_batch(p, s, &b) || !fn(arg, &b))
			break;
	}
	sqlite3_reset(s);
	return more == 0;
}

bool progress_add_qids(struct progress *p, uint64_t run, const uint32_t *qids, size_t n)
{
	bool ok = true;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; ok && i < n; i++) {
		sqlite3_bind_int64(p->qid, 1, (int64_t)run);
		sqlite3_bind_int64(p->qid, 2, qids[i]);
		ok = db_step(p->db, p->qid);
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

bool progress_qids(struct progress *p, uint64_t run, struct ids *ret)
{
	int more = -1;

	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "SELECT qid FROM qid WHERE run = ?1 ORDER BY qid");
	if (s)
		sqlite3_bind_int64(s, 1, (int64_t)run);
	while (s && (more = db_row(p->db, s)) == 1) {
		uint64_t qid = (uint64_t)sqlite3_column_int64(s, 0);
		ids_add(ret, qid, qid);
	}
	pthread_mutex_unlock(&p->lock);
	return more == 0;
}
