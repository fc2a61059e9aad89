/* loader_position.c -- how far each partition was read, stored beside the rows.
 *
 * Positions belong to a stream; those of another one mean nothing. A position is moved by compare and set: whoever has another
 * one in mind than the database stops. The position of qidflow.runs stays at a COMPLETE until that is
 * published, so a restart reads it again. */
#include "loader_position.h"
#include <inttypes.h>
#include <stdlib.h>
#include "clock.h"
#include "db.h"
#include "loader_meta.h"
#include "log.h"
#include "xalloc.h"

static const enum topic topics[] = {TOPIC_RUNS, TOPIC_HOSTS, TOPIC_VULNERABILITIES, TOPIC_DETECTIONS};
enum { TOPICS = sizeof(topics) / sizeof(topics[0]), SHOW_EVERY_MS = 1000 };

static void bind_place(sqlite3_stmt *s, const struct loader *l, enum topic t, int32_t partition)
{
	sqlite3_bind_text(s, 1, transport_stream(l->t), -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, topic_name(t), -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 3, partition);
}

static bool read_position(struct loader *l, enum topic t, int32_t partition)
{
	struct loader_position *p = &l->positions[t][partition];
	sqlite3_stmt *make =
	    db_prepare(l->db, "INSERT OR IGNORE INTO qidflow_position VALUES(?1, ?2, ?3, 0)");
	sqlite3_stmt *get = db_prepare(
	    l->db, "SELECT next FROM qidflow_position WHERE stream = ?1 AND topic = ?2 AND partition = ?3");

	if (!make || !get)
		return false;
	bind_place(make, l, t, partition);
	bind_place(get, l, t, partition);
	if (!db_step(l->db, make) || db_row(l->db, get) != 1)
		return false;
	l->had_positions = l->had_positions || sqlite3_changes(db_handle(l->db)) == 0;
	*p = (struct loader_position){.stored = sqlite3_column_int64(get, 0), .told = -1, .shown = -1};
	p->next = p->stored;
	sqlite3_reset(get);
	return true;
}

/* In a new stream, the parts that wait will not be followed by their last message. */
static bool forget_others(struct loader *l)
{
	sqlite3_stmt *s = db_prepare(l->db, "DELETE FROM qidflow_position WHERE stream <> ?1");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, transport_stream(l->t), -1, SQLITE_STATIC);
	if (!db_step(l->db, s))
		return false;
	return sqlite3_changes(db_handle(l->db)) == 0 ||
	       db_exec(l->db, "DELETE FROM qidflow_part; DELETE FROM qidflow_part_set");
}

static bool read_all(struct loader *l)
{
	bool ok = forget_others(l);

	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; ok && p < l->partitions[topics[i]]; p++)
			ok = read_position(l, topics[i], p);
	return ok && loader_meta_begin(l) && loader_meta_is_ours(l);
}

bool loader_positions_open(struct loader *l)
{
	for (int i = 0; i < TOPICS; i++) {
		l->partitions[topics[i]] = transport_partitions(l->t, topics[i]);
		l->positions[topics[i]] =
		    xcalloc((size_t)l->partitions[topics[i]], sizeof(struct loader_position));
	}
	if (!db_begin(l->db))
		return false;
	if (!read_all(l)) {
		db_rollback(l->db);
		return false;
	}
	if (!db_commit(l->db))
		return false;
	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			if (!transport_assign(l->t, topics[i], p, l->positions[topics[i]][p].stored))
				return false;
	return true;
}

void loader_positions_close(struct loader *l)
{
	for (int t = 0; t < TOPIC_COUNT; t++)
		free(l->positions[t]);
}

static int64_t to_store(const struct loader *l, enum topic t, int32_t partition)
{
	return t == TOPIC_RUNS && l->complete.any ? l->complete.from : l->positions[t][partition].next;
}

static bool move(struct loader *l, sqlite3_stmt *s, enum topic t, int32_t partition)
{
	int64_t stored = l->positions[t][partition].stored, next = to_store(l, t, partition);

	if (next == stored)
		return true;
	bind_place(s, l, t, partition);
	sqlite3_bind_int64(s, 4, next);
	sqlite3_bind_int64(s, 5, stored);
	if (!db_step(l->db, s))
		return false;
	return sqlite3_changes(db_handle(l->db)) == 1 ||
	       fail("%s: another loader has written to it: partition %d of %s is not at %" PRId64
		    " any more. A database has one loader, so this one stops and changes nothing",
		   db_path(l->db), (int)partition, topic_name(t), stored);
}

bool loader_positions_write(struct loader *l)
{
	sqlite3_stmt *s = db_prepare(l->db, "UPDATE qidflow_position SET next = ?4 WHERE stream = ?1 AND "
					    "topic = ?2 AND partition = ?3 AND next = ?5");
	bool ok = s != NULL;

	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; ok && p < l->partitions[topics[i]]; p++)
			ok = move(l, s, topics[i], p);
	return ok;
}

void loader_positions_written(struct loader *l)
{
	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			l->positions[topics[i]][p].stored = to_store(l, topics[i], p);
}

bool loader_positions_passed(const struct loader *l, Qidflow__V1__End *const *ends, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum topic t;

		if (!topic_of(ends[i]->topic, &t) || !l->positions[t])
			continue; /* of a newer version: nothing that we load */
		if (ends[i]->partition < 0 || ends[i]->partition >= l->partitions[t] ||
		    l->positions[t][ends[i]->partition].stored < ends[i]->offset)
			return false;
	}
	return true;
}

void loader_positions_show(struct loader *l)
{
	int64_t now = clock_ms();

	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++) {
			struct loader_position *at = &l->positions[topics[i]][p];

			if (at->shown == at->stored || now - at->shown_ms < SHOW_EVERY_MS)
				continue;
			at->shown_ms = now;
			if (transport_commit(l->t, topics[i], p, at->stored, "") == COMMIT_DONE)
				at->shown = at->stored;
			else
				log_line(LOG_DEBUG, "%s, partition %d: its position could not be shown",
				    topic_name(topics[i]), (int)p);
		}
}

bool loader_positions_reached(const struct loader *l)
{
	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			if (!l->positions[topics[i]][p].reached)
				return false;
	return true;
}

bool loader_positions_ended(const struct loader *l)
{
	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			if (!l->positions[topics[i]][p].ended)
				return false;
	return true;
}
