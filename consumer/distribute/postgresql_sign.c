/* postgresql_sign.c -- whether a table changed since it was sent, and where. */
#include "postgresql_sign.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "postgresql_copy.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 20, TEXT_MOST = 1 << 29, KEYS_TO_A_PIECE = 128 };

static void must(bool fits)
{
	if (!fits)
		abort(); /* 40 bytes a piece are far from the ceiling */
}

bool sign_has_pieces(const struct shape_table *t)
{
	return t->kind == SHAPE_KEYED && t->n_keys == 1 && shape_key(t, 1)->type == POSTGRESQL_BIGINT;
}

/* ---- sums */

struct hash { /* FNV-1a from two beginnings */
	uint64_t a, b;
};

static void add_bytes(struct hash *h, const void *data, size_t size)
{
	const unsigned char *s = data;

	for (size_t i = 0; i < size; i++) {
		h->a = (h->a ^ s[i]) * UINT64_C(0x100000001b3);
		h->b = (h->b ^ s[i]) * UINT64_C(0x9e3779b97f4a7c15);
	}
}

/* A column that has another name has no values there yet. */
static struct hash hash_names(const struct shape_table *t)
{
	struct hash h = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x2545f4914f6cdd1d)};

	for (int i = 0; i < t->n_columns; i++)
		add_bytes(&h, t->columns[i].name, strlen(t->columns[i].name) + 1);
	return h;
}

/* FNV-1a carries little from one byte into others: sums of such hashes would be the same when rows swap values. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

/* A REAL by its bytes: its text has fewer digits than what is sent. */
static struct hash hash_row(struct hash h, sqlite3_stmt *s, int columns)
{
	for (int i = 0; i < columns; i++) {
		int type = sqlite3_column_type(s, i), size = 0;

		add_bytes(&h, &type, sizeof(type));
		if (type == SQLITE_NULL)
			continue;
		if (type == SQLITE_FLOAT) {
			double real = sqlite3_column_double(s, i);

			add_bytes(&h, &real, sizeof(real));
			continue;
		}
		const void *value =
		    type == SQLITE_BLOB ? sqlite3_column_blob(s, i) : sqlite3_column_text(s, i);
		size = sqlite3_column_bytes(s, i);
		add_bytes(&h, &size, sizeof(size));
		add_bytes(&h, value, (size_t)size);
	}
	return (struct hash){mix(h.a), mix(h.b)};
}

static bool ends_piece(int64_t key)
{
	uint64_t h = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);

	return (h >> 32) % KEYS_TO_A_PIECE == 0;
}

/* ---- a table's text */

static void end_piece(struct buffer *text, int64_t last, struct hash *sum)
{
	must(buffer_printf(text, "%" PRId64 ":%016" PRIx64 "%016" PRIx64 " ", last, sum->a, sum->b));
	*sum = (struct hash){0, 0};
}

/* The order of rows does not count within a piece, nor where there are none. The last piece is open to what may come. */
static bool add_sums(struct postgresql *p, struct db *snapshot, sqlite3_stmt *s, const struct shape_table *t,
    struct buffer *text)
{
	int key = -1, more;
	struct hash sum = {0, 0}, names = hash_names(t);

	for (int i = 0; i < t->n_columns && sign_has_pieces(t); i++)
		key = t->columns[i].key ? i : key;
	while ((more = db_row(snapshot, s)) == 1) {
		struct hash h = hash_row(names, s, t->n_columns);

		sum.a += h.a;
		sum.b += h.b;
		if (key >= 0 && ends_piece(sqlite3_column_int64(s, key)) &&
		    sqlite3_column_int64(s, key) != INT64_MAX)
			end_piece(text, sqlite3_column_int64(s, key), &sum);
	}
	if (key >= 0)
		end_piece(text, INT64_MAX, &sum);
	else
		must(buffer_printf(text, "%016" PRIx64 "%016" PRIx64, sum.a, sum.b));
	return more == 0 || copy_fail_to_read(p, snapshot);
}

char *sign_table(struct postgresql *p, struct db *snapshot, const struct shape_table *t)
{
	struct buffer sql, text;
	char *copy = NULL;

	buffer_open(&sql, SQL_MOST);
	buffer_open(&text, TEXT_MOST);
	shape_add_select(&sql, t);
	if (sign_has_pieces(t))
		must(buffer_add_text(&sql, " ORDER BY ") &&
		     postgresql_add_name(&sql, shape_key(t, 1)->source));
	sqlite3_stmt *s = db_prepare(snapshot, buffer_text(&sql));
	if (!s)
		copy_fail_to_read(p, snapshot);
	else if (add_sums(p, snapshot, s, t, &text))
		copy = xstrdup(buffer_text(&text));
	buffer_close(&sql);
	buffer_close(&text);
	return copy;
}

/* ---- two texts */

struct piece {
	int64_t from, last;
	const char *sum; /* of SUM digits */
};
enum { SUM = 32 };

/* The next piece of a text; false: there is none. */
static bool next_piece(const char **at, struct piece *at_piece, bool is_first)
{
	char *end;
	int64_t last = strtoll(*at, &end, 10);

	if (*end != ':' || strlen(end) < 1 + SUM)
		return false;
	at_piece->from = is_first ? INT64_MIN : at_piece->last + 1;
	at_piece->last = last;
	at_piece->sum = end + 1;
	*at = end + 1 + SUM + (end[1 + SUM] == ' ');
	return true;
}

static void add_range(struct ranges *r, const struct piece *p)
{
	if (r->n && r->last[r->n - 1] + 1 == p->from) {
		r->last[r->n - 1] = p->last;
		return;
	}
	r->from = xrealloc(r->from, (r->n + 1) * sizeof(*r->from));
	r->last = xrealloc(r->last, (r->n + 1) * sizeof(*r->last));
	r->from[r->n] = p->from;
	r->last[r->n++] = p->last;
}

struct ranges sign_compare(const char *before, const char *now)
{
	struct ranges r = {.n = 0};
	struct piece old = {0}, new = {0};
	bool has_old = next_piece(&before, &old, true);

	for (bool first = true; next_piece(&now, &new, first); first = false) {
		while (has_old && old.last < new.last)
			has_old = next_piece(&before, &old, false);
		if (!has_old || old.from != new.from || old.last != new.last ||
		    memcmp(old.sum, new.sum, SUM) != 0)
			add_range(&r, &new);
	}
	return r;
}

void sign_close(struct ranges *r)
{
	free(r->from);
	free(r->last);
	*r = (struct ranges){.n = 0};
}
