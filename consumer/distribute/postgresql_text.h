/* postgresql_text.h -- names and values of SQLite as PostgreSQL takes them. Pure.
 *
 * A name is folded to small letters, as PostgreSQL does with names that nobody quotes, and is no longer than it keeps.
 * Values are written as COPY's text format wants them. What PostgreSQL cannot hold becomes U+FFFD and is counted: bytes that are
 * no UTF-8, NUL, and in JSON also \u0000 and halves of surrogates. A date that is none becomes NULL, counted too. */
#ifndef POSTGRESQL_TEXT_H
#define POSTGRESQL_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
enum { POSTGRESQL_NAME = 64 };

const char *postgresql_name(const char *name, char ret_name[static POSTGRESQL_NAME]);
/* "name", quoted. Like the others: false, and nothing is added, over the ceiling of `to`. */
bool postgresql_add_name(struct buffer *to, const char *name);
bool postgresql_add_literal(struct buffer *to, const char *text); /* 'text' */

enum postgresql_type {
	POSTGRESQL_BIGINT,
	POSTGRESQL_DOUBLE,
	POSTGRESQL_NUMERIC, /* where SQLite was told nothing, and holds numbers */
	POSTGRESQL_TEXT,
	POSTGRESQL_TIME, /* timestamptz; 2026-11-24 03:00:00 is UTC */
	POSTGRESQL_JSON, /* jsonb */
	POSTGRESQL_BYTES,
	POSTGRESQL_TYPES
};
const char *postgresql_type_name(enum postgresql_type t);

/* A field of a line of COPY, without what stands between fields. *mended grows by what had to be replaced. */
bool postgresql_copy_null(struct buffer *to);
bool postgresql_copy_int(struct buffer *to, int64_t n);
bool postgresql_copy_double(struct buffer *to, double d);
bool postgresql_copy_text(
    struct buffer *to, enum postgresql_type t, const char *s, size_t size, uint64_t *mended);
bool postgresql_copy_bytes(struct buffer *to, const unsigned char *s, size_t size);
#endif
