/* compare.h -- what both kinds of comparison share: columns, values, and what is told of a difference. */
#ifndef COMPARE_H
#define COMPARE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>

#define COLUMNS 160

struct columns { /* those of EXPECTED, by name */
	char *names[COLUMNS];
	int n;
	char list[8192]; /* "ID","QID",... */
};

/* What one side alone can make impossible ends the program with status 2. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
sqlite3_stmt *prepare(sqlite3 *db, const char *format, ...); /* format of sqlite3_mprintf */
bool step(sqlite3_stmt *s);
void *grow(void *v, size_t n, size_t *room, size_t size); /* room for one more than n */

/* A column that DATABASE lacks is a difference, and left out. */
void columns_read(struct columns *c, sqlite3 *expected, sqlite3 *actual, const char *table);
void columns_free(struct columns *c);

bool value_equal(sqlite3_stmt *a, sqlite3_stmt *b, int column); /* type and bytes */

/* Differences: the first are printed, all are counted. key: what the row is called. */
bool more_to_print(void);
long differences(void);
void print_row(const char *table, const char *key, const struct columns *c, sqlite3_stmt *expected,
    sqlite3_stmt *actual);
void print_row_alone(const char *table, const char *key, const char *what);

bool is_skipped(int64_t host); /* --skip-host */
void compare_detections(sqlite3 *expected, sqlite3 *actual, const char *table);
#endif
