/* store_part.c -- parts that wait for their last message, and parts that nobody will want again.
 *
 * A part's key is its own, so no compaction takes it away: it stands in the topic until it gets a tombstone. Which sets have parts
 * there is written down for that: a set that is smaller than its host's present one is over, and so is one of a complete
 * run that did not become whole. A tombstone that comes in takes the part away here too, as it does for whoever reads
 * the topic later. Tombstones of a set come in order, so the set is forgotten when they have come from the first to the last one:
 * a part of a zombie may have come between them, and then they are to be sent once more. Hosts in parts are few, and where there
 * are none nothing is asked. */
#include <inttypes.h>
#include <stdlib.h>
#include "db.h"
#include "log.h"
#include "store_inside.h"
#include "xalloc.h"

/* ---- what is over */

static struct stale_parts read_row(sqlite3_stmt *st)
{
	return (struct stale_parts){.host = (uint64_t)sqlite3_column_int64(st, 0),
	    .set = {(uint64_t)sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 2)},
	    .last = (uint32_t)sqlite3_column_int64(st, 3)};
}

/* Steps a statement whose rows are (id, run, number, last, stale). */
static bool take_stale(struct store *s, sqlite3_stmt *st)
{
	int row;

	while ((row = db_row(s->db, st)) == 1) {
		if (!sqlite3_column_int(st, 4))
			continue;
		if (s->n_stale == s->stale_room) {
			s->stale_room = s->stale_room ? 2 * s->stale_room : 64;
			s->stale = xrealloc(s->stale, s->stale_room * sizeof(*s->stale));
		}
		s->stale[s->n_stale++] = read_row(st);
	}
	return row == 0;
}

size_t store_stale_take(struct store *s, const struct stale_parts **ret)
{
	size_t n = s->n_stale;

	s->n_stale = 0;
	*ret = s->stale;
	return n;
}

bool store_stale_again(struct store *s)
{
	sqlite3_stmt *st =
	    db_prepare(s->db, "SELECT id, run, number, last, stale FROM qidflow_part_set WHERE stale");

	s->n_stale = 0;
	return st && take_stale(s, st);
}

bool store_end_part_sets(struct store *s, uint64_t host, struct set_name set)
{
	sqlite3_stmt *st = s->end_part_sets;

	if (!s->part_sets)
		return true;
	sqlite3_bind_int64(st, 1, (int64_t)host);
	sqlite3_bind_int64(st, 2, (int64_t)set.run);
	sqlite3_bind_int64(st, 3, (int64_t)set.number);
	return take_stale(s, st);
}

/* ---- parts and their tombstones */

static bool note_part(struct store *s, uint64_t host, struct set_name set, unsigned part, bool stale)
{
	sqlite3_stmt *st = s->put_part_set;

	s->part_sets++;
	sqlite3_bind_int64(st, 1, (int64_t)host);
	sqlite3_bind_int64(st, 2, (int64_t)set.run);
	sqlite3_bind_int64(st, 3, (int64_t)set.number);
	sqlite3_bind_int64(st, 4, part);
	sqlite3_bind_int(st, 5, stale);
	return take_stale(s, st);
}

enum stored store_part(
    struct store *s, uint64_t host, struct set_name set, unsigned part, const void *packed, size_t size)
{
	struct stored_host row;

	if (!store_get_host(s, host, &row))
		return STORE_FAILED;
	bool is_over = store_is_smaller(set, row.set), waits = store_is_smaller(row.set, set);
	if (!note_part(s, host, set, part, is_over))
		return STORE_FAILED;
	if (is_over) /* its last message will be ignored */
		return STORE_DONE;
	if (!waits) /* compaction keeps this one, behind the last message */
		return store_mark(s, host, set, "a part of its present set came again");
	sqlite3_bind_int64(s->put_part, 4, part);
	sqlite3_bind_blob64(s->put_part, 5, packed, size, SQLITE_STATIC);
	s->rows++;
	return store_run_set(s, s->put_part, host, set) ? STORE_DONE : STORE_FAILED;
}

enum stored store_drop_part(struct store *s, uint64_t host, struct set_name set, uint64_t part)
{
	if (!s->part_sets)
		return STORE_DONE;
	sqlite3_bind_int64(s->drop_part, 4, (int64_t)part);
	sqlite3_bind_int64(s->part_is_gone, 4, (int64_t)part);
	return store_run_set(s, s->drop_part, host, set) && store_run_set(s, s->part_is_gone, host, set) &&
		       store_run_set(s, s->drop_part_set, host, set)
		   ? STORE_DONE
		   : STORE_FAILED;
}

/* ---- when a run is complete */

bool store_end_parts(struct store *s, uint64_t run)
{
	if (!s->part_sets)
		return true;
	sqlite3_stmt *parts = db_prepare(s->db, "DELETE FROM qidflow_part WHERE run <= ?1");
	sqlite3_stmt *sets = db_prepare(s->db,
	    "UPDATE qidflow_part_set AS p SET stale = 1 WHERE run <= ?1 AND NOT stale AND NOT EXISTS (SELECT "
	    "1 FROM"
	    " qidflow_host AS h WHERE h.id = p.id AND h.run = p.run AND h.number = p.number)"
	    " RETURNING id, run, number, last, stale");

	if (!parts || !sets)
		return false;
	sqlite3_bind_int64(sets, 1, (int64_t)run);
	return store_run(s, parts, run) && take_stale(s, sets);
}

static bool sweep_host(struct store *s, uint64_t host)
{
	struct stored_host row;

	return store_get_host(s, host, &row) && store_empty(s, &row) && store_put_host(s, &row);
}

/* Newer sets may have come before their host's row; the rows of this run's time are all here. */
bool store_sweep(struct store *s, uint64_t run, uint64_t *ret_hosts)
{
	sqlite3_stmt *st = db_prepare(s->db,
	    "SELECT id FROM qidflow_host WHERE detected AND NOT listed AND run <= ?1 AND id NOT IN"
	    " (SELECT id FROM qidflow_ignored_row WHERE topic = 'hosts') AND id > ?2 ORDER BY id LIMIT 1");
	uint64_t n = 0, last = 0;
	int found = st ? 1 : -1;

	while (found == 1) {
		sqlite3_bind_int64(st, 1, (int64_t)run);
		sqlite3_bind_int64(st, 2, (int64_t)last);
		found = db_row(s->db, st);
		if (found != 1)
			break;
		last = (uint64_t)sqlite3_column_int64(st, 0);
		sqlite3_reset(st);
		if (!sweep_host(s, last))
			return false;
		n++;
	}
	if (found < 0)
		return false;
	*ret_hosts = n;
	return true;
}
