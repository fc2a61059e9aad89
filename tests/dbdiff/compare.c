/* compare.c -- columns and values of two databases, and the differences told so far. */
#include "compare.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINTED     20
#define SHOWN_BYTES 160

static long found;

void die(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("dbdiff: ", stderr);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

sqlite3_stmt *prepare(sqlite3 *db, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	char *sql = sqlite3_vmprintf(format, ap);
	va_end(ap);
	sqlite3_stmt *s;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		die("%s: %s: %s", sqlite3_db_filename(db, "main"), sql, sqlite3_errmsg(db));
	sqlite3_free(sql);
	return s;
}

bool step(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		die("%s", sqlite3_errmsg(sqlite3_db_handle(s)));
	return rc == SQLITE_ROW;
}

void *grow(void *v, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return v;
	*room = *room ? *room * 2 : 1024;
	v = realloc(v, *room * size);
	if (v == NULL)
		die("out of memory");
	return v;
}

/* Whether this one is to be printed. */
static bool differs(void)
{
	return found++ < PRINTED;
}
bool more_to_print(void)
{
	return found < PRINTED;
}
long differences(void)
{
	return found;
}

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	sqlite3_stmt *s =
	    prepare(db, "SELECT 1 FROM pragma_table_info(%Q) WHERE name = %Q COLLATE NOCASE", table, column);
	bool has = step(s);
	sqlite3_finalize(s);
	return has;
}

void columns_read(struct columns *c, sqlite3 *expected, sqlite3 *actual, const char *table)
{
	memset(c, 0, sizeof *c);
	size_t used = 0;
	sqlite3_stmt *s = prepare(expected, "SELECT name FROM pragma_table_info(%Q) ORDER BY cid", table);
	while (step(s)) {
		const char *name = (const char *)sqlite3_column_text(s, 0);
		if (!has_column(actual, table, name)) {
			if (differs())
				printf("%s: column %s is missing\n", table, name);
			continue;
		}
		if (c->n == COLUMNS || used + strlen(name) + 4 > sizeof c->list)
			die("%s: too many columns", table);
		c->names[c->n++] = strdup(name);
		used += (size_t)snprintf(
		    c->list + used, sizeof c->list - used, "%s\"%s\"", used ? "," : "", name);
	}
	sqlite3_finalize(s);
	if (c->n == 0)
		die("%s: one of the databases has no such table", table);
}

void columns_free(struct columns *c)
{
	for (int i = 0; i < c->n; i++)
		free(c->names[i]);
}

static void print_bytes(const unsigned char *p, size_t n, size_t from)
{
	size_t to = n - from > SHOWN_BYTES ? from + SHOWN_BYTES : n;
	if (from > 0)
		printf("...");
	for (size_t i = from; i < to; i++) {
		if (p[i] == '\n')
			printf("\\n");
		else if (p[i] == '\\' || p[i] == '"')
			printf("\\%c", p[i]);
		else if (p[i] < 0x20 || p[i] >= 0x7f)
			printf("\\x%02x", p[i]);
		else
			putchar(p[i]);
	}
	if (to < n)
		printf("...");
}

static void print_value(sqlite3_stmt *s, int column, size_t from)
{
	size_t n = (size_t)sqlite3_column_bytes(s, column);
	switch (sqlite3_column_type(s, column)) {
	case SQLITE_NULL: printf("NULL"); break;
	case SQLITE_INTEGER: printf("INTEGER %lld", sqlite3_column_int64(s, column)); break;
	case SQLITE_FLOAT: printf("REAL %.17g", sqlite3_column_double(s, column)); break;
	default:
		printf("%s(%zu) \"", sqlite3_column_type(s, column) == SQLITE_TEXT ? "TEXT" : "BLOB", n);
		print_bytes(sqlite3_column_blob(s, column), n, from);
		printf("\"");
	}
}

static bool is_bytes(int type)
{
	return type == SQLITE_TEXT || type == SQLITE_BLOB;
}

bool value_equal(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
	int type = sqlite3_column_type(a, column);
	if (type != sqlite3_column_type(b, column))
		return false;
	if (type == SQLITE_INTEGER)
		return sqlite3_column_int64(a, column) == sqlite3_column_int64(b, column);
	if (type == SQLITE_FLOAT) {
		/* NaN is stored as NULL, and -0.0 is 0.0. */
		return sqlite3_column_double(a, column) == sqlite3_column_double(b, column);
	}
	int n = sqlite3_column_bytes(a, column);
	return n == sqlite3_column_bytes(b, column) &&
	       (n == 0 ||
		   memcmp(sqlite3_column_blob(a, column), sqlite3_column_blob(b, column), (size_t)n) == 0);
}

static size_t first_difference(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
	if (!is_bytes(sqlite3_column_type(a, column)) || !is_bytes(sqlite3_column_type(b, column)))
		return 0;
	const unsigned char *p = sqlite3_column_blob(a, column), *q = sqlite3_column_blob(b, column);
	size_t n = (size_t)sqlite3_column_bytes(a, column), m = (size_t)sqlite3_column_bytes(b, column),
	       i = 0;
	while (i < n && i < m && p[i] == q[i])
		i++;
	return i > SHOWN_BYTES / 2 ? i - 20 : 0;
}

/* Column i of both is column i of c. key: what the row is called. */
void print_row(
    const char *table, const char *key, const struct columns *c, sqlite3_stmt *expected, sqlite3_stmt *actual)
{
	for (int i = 0; i < c->n; i++) {
		if (value_equal(expected, actual, i) || !differs())
			continue;
		size_t from = first_difference(expected, actual, i);
		printf("%s: %s: %s:\n    expected ", table, key, c->names[i]);
		print_value(expected, i, from);
		printf("\n    is       ");
		print_value(actual, i, from);
		printf("\n");
	}
}

void print_row_alone(const char *table, const char *key, const char *what)
{
	if (differs())
		printf("%s: %s: %s\n", table, key, what);
}
