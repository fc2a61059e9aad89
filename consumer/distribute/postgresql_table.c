/* postgresql_table.c -- a table in PostgreSQL is made, gets the columns that it lacks, is filled, and brought up to date.
 *
 * What changed is copied into a temporary table first, and from there into the right one: by INSERT ... ON CONFLICT, so that
 * a row that is there already stays the same row to who refers to it. */
#include "postgresql_table.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "postgresql_feed.h"

enum { KEYS_MOST = 1 << 30 };
#define STAGE "qidflow_stage"

static void must(bool fits)
{
	if (!fits)
		abort(); /* SQL made of names is far from its ceiling */
}

static void add(struct postgresql *p, const char *text)
{
	must(buffer_add_text(&p->sql, text));
}

static void add_name(struct postgresql *p, const char *name)
{
	must(postgresql_add_name(&p->sql, name));
}

static void begin_sql(struct postgresql *p, const char *text)
{
	buffer_clear(&p->sql);
	add(p, text);
}

static bool run_sql(struct postgresql *p)
{
	return postgresql_run_text(p, buffer_text(&p->sql));
}

/* ---- made, filled */

static bool create(struct postgresql *p, const struct shape_table *t)
{
	begin_sql(p, "CREATE TABLE ");
	add_name(p, t->name);
	for (int i = 0; i < t->n_columns; i++) {
		add(p, i ? ", " : " (");
		add_name(p, t->columns[i].name);
		add(p, " ");
		add(p, postgresql_type_name(t->columns[i].type));
	}
	add(p, ")");
	return run_sql(p);
}

/* BATCH_NUMBER is beside the key of its index: so what changed is found without the table. */
bool table_add_key(struct postgresql *p, const struct shape_table *t)
{
	if (!t->n_keys)
		return true;
	begin_sql(p, "ALTER TABLE ");
	add_name(p, t->name);
	add(p, " ADD PRIMARY KEY (");
	shape_add_keys(&p->sql, t, "", ", ");
	add(p, t->kind == SHAPE_OF_SETS ? ") INCLUDE (batch_number)" : ")");
	return run_sql(p);
}

bool table_make(struct postgresql *p, struct db *snapshot, const struct shape_table *t, struct copied *c)
{
	return create(p, t) && copy_all(p, snapshot, t, t->name, true, c) && table_add_key(p, t);
}

bool table_replace(struct postgresql *p, struct db *snapshot, const struct shape_table *t, struct copied *c)
{
	begin_sql(p, "DELETE FROM ");
	add_name(p, t->name);
	return run_sql(p) && copy_all(p, snapshot, t, t->name, false, c);
}

/* ---- brought up to date */

static bool make_stage(struct postgresql *p, const struct shape_table *t)
{
	begin_sql(p, "CREATE TEMPORARY TABLE " STAGE " ON COMMIT DROP AS SELECT ");
	shape_add_names(&p->sql, t);
	add(p, " FROM ");
	add_name(p, t->name);
	add(p, " WITH NO DATA");
	return run_sql(p);
}

static bool drop_stage(struct postgresql *p)
{
	return postgresql_run_text(p, "DROP TABLE pg_temp." STAGE);
}

/* INSERT INTO t(…) SELECT … FROM stage ON CONFLICT … */
static bool put_stage(struct postgresql *p, const struct shape_table *t)
{
	const char *comma = "";
	int others = 0;

	begin_sql(p, "INSERT INTO ");
	add_name(p, t->name);
	add(p, "(");
	shape_add_names(&p->sql, t);
	add(p, ") SELECT ");
	shape_add_names(&p->sql, t);
	add(p, " FROM pg_temp." STAGE " ON CONFLICT (");
	shape_add_keys(&p->sql, t, "", ", ");
	add(p, ") DO ");
	for (int i = 0; i < t->n_columns; i++) {
		if (t->columns[i].key)
			continue;
		add(p, others++ ? "" : "UPDATE SET ");
		add(p, comma);
		add_name(p, t->columns[i].name);
		add(p, " = excluded.");
		add_name(p, t->columns[i].name);
		comma = ", ";
	}
	add(p, others ? "" : "NOTHING");
	return run_sql(p);
}

/* {1,2,3}: an array of bigint. */
static void add_keys(struct buffer *to, const int64_t *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		must(buffer_add_text(to, to->size > 1 ? "," : "") && postgresql_copy_int(to, keys[i]));
}

static bool run_with_ranges(struct postgresql *p, const struct ranges *r)
{
	struct buffer from, last;

	buffer_open(&from, KEYS_MOST);
	buffer_open(&last, KEYS_MOST);
	must(buffer_add_text(&from, "{") && buffer_add_text(&last, "{"));
	add_keys(&from, r->from, r->n);
	add_keys(&last, r->last, r->n);
	must(buffer_add_text(&from, "}") && buffer_add_text(&last, "}"));
	const char *const values[] = {buffer_text(&from), buffer_text(&last)};
	struct postgresql_answer *a = postgresql_ask(p, buffer_text(&p->sql), 2, values);
	buffer_close(&from);
	buffer_close(&last);
	postgresql_answer_close(a);
	return a != NULL;
}

/* The statement in p->sql, with $1 = all of these. */
static bool run_with_keys(struct postgresql *p, const struct changes *c, bool sent_too)
{
	struct buffer keys;

	buffer_open(&keys, KEYS_MOST);
	must(buffer_add_text(&keys, "{"));
	add_keys(&keys, c->gone, c->n_gone);
	if (sent_too)
		add_keys(&keys, c->sent, c->n_sent);
	must(buffer_add_text(&keys, "}"));
	const char *const values[] = {buffer_text(&keys)};
	struct postgresql_answer *a = postgresql_ask(p, buffer_text(&p->sql), 1, values);
	buffer_close(&keys);
	postgresql_answer_close(a);
	return a != NULL;
}

static bool send_some(struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *key,
    const struct changes *changes, struct copied *c)
{
	return make_stage(p, t) && copy_some(p, snapshot, t, STAGE, key, changes->sent, changes->n_sent, c);
}

bool table_update_sets(struct postgresql *p, struct db *snapshot, const struct shape_table *t,
    const struct changes *changes, struct table_change *ret)
{
	*ret = (struct table_change){.gone = changes->n_gone};
	if (changes->n_gone) {
		begin_sql(p, "DELETE FROM ");
		add_name(p, t->name);
		add(p, " WHERE ");
		add_name(p, shape_key(t, 1)->name);
		add(p, " = ANY($1::bigint[])");
		if (!run_with_keys(p, changes, false))
			return false;
	}
	return !changes->n_sent || (send_some(p, snapshot, t, shape_key(t, 1)->source, changes, &ret->sent) &&
				       put_stage(p, t) && drop_stage(p));
}

/* An index for the second half of the question, or it would be asked of the whole stage for each row. */
static bool index_stage(struct postgresql *p, const struct shape_table *t)
{
	begin_sql(p, "CREATE INDEX ON pg_temp." STAGE "(");
	shape_add_keys(&p->sql, t, "", ", ");
	add(p, "); ANALYZE pg_temp." STAGE);
	return run_sql(p);
}

static void add_same_key(struct postgresql *p, const struct shape_table *t)
{
	for (int k = 1; k <= t->n_keys; k++) {
		add(p, k > 1 ? " AND s." : "s.");
		add_name(p, shape_key(t, k)->name);
		add(p, " = t.");
		add_name(p, shape_key(t, k)->name);
	}
}

static void add_unstaged(struct postgresql *p, const struct shape_table *t)
{
	add(p, "NOT EXISTS (SELECT 1 FROM pg_temp." STAGE " AS s WHERE ");
	add_same_key(p, t);
	add(p, ")");
}

static void begin_delete(struct postgresql *p, const struct shape_table *t)
{
	begin_sql(p, "DELETE FROM ");
	add_name(p, t->name);
	add(p, " AS t");
}

bool table_update_hosts(struct postgresql *p, struct db *snapshot, const struct shape_table *t,
    const struct changes *changes, struct table_change *ret)
{
	*ret = (struct table_change){.gone = 0};
	if (!changes->n_sent && !changes->n_gone)
		return true;
	if (!send_some(p, snapshot, t, "ID", changes, &ret->sent) || !index_stage(p, t))
		return false;
	begin_delete(p, t);
	add(p, " WHERE t.id = ANY($1::bigint[]) AND ");
	add_unstaged(p, t);
	return run_with_keys(p, changes, true) && put_stage(p, t) && drop_stage(p);
}

/* Rows of t within the ranges, by its index: else all of t would be read. */
static void add_ranges(struct postgresql *p, const struct shape_table *t)
{
	add(p, "unnest($1::bigint[], $2::bigint[]) AS r(a, b) WHERE t.");
	add_name(p, shape_key(t, 1)->name);
	add(p, " BETWEEN r.a AND r.b AND ");
}

static bool delete_unstaged(struct postgresql *p, const struct shape_table *t, const struct ranges *r)
{
	begin_delete(p, t);
	add(p, r ? " USING " : " WHERE ");
	if (r)
		add_ranges(p, t);
	add_unstaged(p, t);
	return r ? run_with_ranges(p, r) : run_sql(p);
}

/* What is the same there need not be written. */
static bool drop_same_from_stage(struct postgresql *p, const struct shape_table *t, const struct ranges *r)
{
	begin_sql(p, "DELETE FROM pg_temp." STAGE " AS s USING ");
	add_name(p, t->name);
	add(p, r ? " AS t, " : " AS t WHERE ");
	if (r)
		add_ranges(p, t);
	add_same_key(p, t);
	for (int i = 0; i < t->n_columns; i++) {
		if (t->columns[i].key)
			continue;
		add(p, " AND s.");
		add_name(p, t->columns[i].name);
		add(p, " IS NOT DISTINCT FROM t.");
		add_name(p, t->columns[i].name);
	}
	return r ? run_with_ranges(p, r) : run_sql(p);
}

bool table_update_keyed(struct postgresql *p, struct db *snapshot, const struct shape_table *t,
    const struct ranges *r, struct table_change *ret)
{
	*ret = (struct table_change){.gone = 0};
	if (!make_stage(p, t))
		return false;
	if (!(r ? copy_ranges(p, snapshot, t, STAGE, r, &ret->sent)
		: copy_all(p, snapshot, t, STAGE, false, &ret->sent)))
		return false;
	return index_stage(p, t) && delete_unstaged(p, t, r) && drop_same_from_stage(p, t, r) &&
	       put_stage(p, t) && drop_stage(p);
}

bool table_analyze(struct postgresql *p, const struct shape_table *t)
{
	begin_sql(p, "ANALYZE ");
	add_name(p, t->name);
	return run_sql(p);
}
