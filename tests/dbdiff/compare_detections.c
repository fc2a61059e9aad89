/* compare_detections.c -- each host's detections as a multiset of rows, by hash. */
#include "compare.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRED 200 /* rows left over on each side that are paired; more are only counted */

struct run { /* rows of one host with rowids that follow each other in the scan */
	int64_t host, first, last;
};
struct runs {
	struct run *v;
	size_t n, room;
};

static int run_order(const void *x, const void *y)
{
	const struct run *a = x, *b = y;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

static struct runs runs_read(sqlite3 *db, const char *table)
{
	struct runs r = {NULL, 0, 0};
	sqlite3_stmt *s = prepare(db, "SELECT rowid, ID FROM \"%w\" NOT INDEXED ORDER BY rowid", table);
	while (step(s)) {
		int64_t row = sqlite3_column_int64(s, 0), host = sqlite3_column_int64(s, 1);
		if (r.n > 0 && r.v[r.n - 1].host == host) {
			r.v[r.n - 1].last = row;
			continue;
		}
		r.v = grow(r.v, r.n, &r.room, sizeof *r.v);
		r.v[r.n++] = (struct run){host, row, row};
	}
	sqlite3_finalize(s);
	if (r.n > 0)
		qsort(r.v, r.n, sizeof *r.v, run_order);
	return r;
}

struct row {
	uint64_t hash[2];
	int64_t id; /* rowid */
};
struct rows {
	struct row *v;
	size_t n, room;
};

static void hash_add(uint64_t h[2], uint64_t word)
{
	__uint128_t m = (__uint128_t)(h[0] ^ word ^ 0x9e3779b97f4a7c15u) * (h[1] ^ 0xd6e8feb86659fd93u);
	h[0] = (uint64_t)m + word;
	h[1] = (h[1] << 23 | h[1] >> 41) ^ (uint64_t)(m >> 64);
}

static void hash_value(uint64_t h[2], sqlite3_stmt *s, int column)
{
	int type = sqlite3_column_type(s, column);
	const unsigned char *p = NULL;
	size_t n = 0;
	uint64_t word = 0;
	double real;
	if (type == SQLITE_INTEGER) {
		word = (uint64_t)sqlite3_column_int64(s, column);
	} else if (type == SQLITE_FLOAT) {
		real = sqlite3_column_double(s, column);
		memcpy(&word, &real, sizeof word);
	} else if (type != SQLITE_NULL) {
		p = sqlite3_column_blob(s, column);
		n = (size_t)sqlite3_column_bytes(s, column);
	}
	hash_add(h, (uint64_t)type << 56 ^ (uint64_t)column << 40 ^ n);
	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		hash_add(h, word);
	}
	if (n > 0) {
		word = 0;
		memcpy(&word, p, n);
	}
	hash_add(h, word);
}

static int hash_order(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	for (int i = 0; i < 2; i++)
		if (a->hash[i] != b->hash[i])
			return a->hash[i] < b->hash[i] ? -1 : 1;
	return 0;
}

static void rows_add(struct rows *rows, struct row row)
{
	rows->v = grow(rows->v, rows->n, &rows->room, sizeof *rows->v);
	rows->v[rows->n++] = row;
}

/* One side of the comparison of detections. */
struct side {
	sqlite3_stmt *range; /* ID, rowid, columns of rowids ?1 to ?2 */
	sqlite3_stmt *one;   /* columns of rowid ?1 */
	struct runs runs;
	size_t at; /* next run */
	struct rows rows, alone;
};

static void side_open(struct side *s, sqlite3 *db, const char *table, const struct columns *c)
{
	memset(s, 0, sizeof *s);
	s->runs = runs_read(db, table);
	s->range = prepare(db,
	    "SELECT %s, rowid FROM \"%w\" NOT INDEXED WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid", c->list,
	    table);
	s->one = prepare(db, "SELECT %s FROM \"%w\" WHERE rowid = ?1", c->list, table);
}

static void side_close(struct side *s)
{
	sqlite3_finalize(s->range);
	sqlite3_finalize(s->one);
	free(s->runs.v);
	free(s->rows.v);
	free(s->alone.v);
}

static int64_t side_host(const struct side *s)
{
	return s->at < s->runs.n ? s->runs.v[s->at].host : INT64_MAX;
}

/* Hashes all rows of the host and moves on to the next one. */
static void side_read_host(struct side *s, int64_t host, int columns)
{
	s->rows.n = s->alone.n = 0;
	for (; side_host(s) == host; s->at++) {
		sqlite3_bind_int64(s->range, 1, s->runs.v[s->at].first);
		sqlite3_bind_int64(s->range, 2, s->runs.v[s->at].last);
		while (step(s->range)) {
			struct row row = {{1, 2}, sqlite3_column_int64(s->range, columns)};
			for (int i = 0; i < columns; i++)
				hash_value(row.hash, s->range, i);
			rows_add(&s->rows, row);
		}
		sqlite3_reset(s->range);
	}
	if (s->rows.n > 0)
		qsort(s->rows.v, s->rows.n, sizeof *s->rows.v, hash_order);
}

static void side_seek(struct side *s, int64_t id)
{
	sqlite3_reset(s->one);
	sqlite3_bind_int64(s->one, 1, id);
	if (!step(s->one))
		die("a row vanished: the database is being written");
}

/* What only one side has goes to its alone. */
static void match_rows(struct side *e, struct side *a)
{
	size_t i = 0, j = 0;
	while (i < e->rows.n || j < a->rows.n) {
		int order = i == e->rows.n ? 1 : -1;
		if (i < e->rows.n && j < a->rows.n)
			order = hash_order(&e->rows.v[i], &a->rows.v[j]);
		if (order < 0)
			rows_add(&e->alone, e->rows.v[i++]);
		else if (order > 0)
			rows_add(&a->alone, a->rows.v[j++]);
		else
			i++, j++;
	}
}

static int equal_columns(struct side *e, struct side *a, int columns)
{
	int equal = 0;
	for (int i = 0; i < columns; i++)
		equal += value_equal(e->one, a->one, i);
	return equal;
}

static void name_detection(char *ret, size_t room, int64_t host, sqlite3_stmt *row, const struct columns *c)
{
	int n = snprintf(ret, room, "ID %" PRId64, host);
	for (int i = 0; i < c->n && n > 0 && (size_t)n < room; i++)
		if ((!strcmp(c->names[i], "QID") || !strcmp(c->names[i], "UNIQUE_VULN_ID") ||
			!strcmp(c->names[i], "PORT")) &&
		    sqlite3_column_type(row, i) != SQLITE_NULL)
			n += snprintf(
			    ret + n, room - (size_t)n, " %s %s", c->names[i], sqlite3_column_text(row, i));
}

/* The row of a that is most like the row e stands on; taken rows have id -1. */
static size_t most_alike(struct side *e, struct side *a, int columns)
{
	size_t best = SIZE_MAX;
	int most = columns / 3; /* less than that in common is another detection */
	for (size_t j = 0; j < a->alone.n && j < PAIRED; j++) {
		if (a->alone.v[j].id < 0)
			continue;
		side_seek(a, a->alone.v[j].id);
		int equal = equal_columns(e, a, columns);
		if (equal > most) {
			most = equal;
			best = j;
		}
	}
	return best;
}

static void print_host(
    const char *table, int64_t host, struct side *e, struct side *a, const struct columns *c)
{
	char called[256];
	for (size_t i = 0; i < e->alone.n; i++) {
		size_t j = SIZE_MAX;
		side_seek(e, e->alone.v[i].id);
		name_detection(called, sizeof called, host, e->one, c);
		if (i < PAIRED && more_to_print())
			j = most_alike(e, a, c->n);
		if (j == SIZE_MAX) {
			print_row_alone(table, called, "row is missing");
			continue;
		}
		side_seek(a, a->alone.v[j].id);
		print_row(table, called, c, e->one, a->one);
		a->alone.v[j].id = -1;
	}
	for (size_t j = 0; j < a->alone.n; j++) {
		if (a->alone.v[j].id < 0)
			continue;
		side_seek(a, a->alone.v[j].id);
		name_detection(called, sizeof called, host, a->one, c);
		print_row_alone(table, called, "row is too many");
	}
}

void compare_detections(sqlite3 *expected, sqlite3 *actual, const char *table)
{
	struct columns c;
	struct side e, a;
	columns_read(&c, expected, actual, table);
	side_open(&e, expected, table, &c);
	side_open(&a, actual, table, &c);
	size_t rows = 0;
	for (;;) {
		int64_t host = side_host(&e) < side_host(&a) ? side_host(&e) : side_host(&a);
		if (host == INT64_MAX)
			break;
		side_read_host(&e, host, c.n);
		side_read_host(&a, host, c.n);
		rows += e.rows.n;
		if (is_skipped(host))
			continue;
		match_rows(&e, &a);
		if (e.alone.n + a.alone.n > 0)
			print_host(table, host, &e, &a, &c);
	}
	printf("%s: %zu rows, %d columns\n", table, rows, c.n);
	side_close(&e);
	side_close(&a);
	columns_free(&c);
}
