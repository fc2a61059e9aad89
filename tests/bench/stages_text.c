/* stages_text.c -- lists as text, alone: CSV and JSON of rows that are in memory, gzip of that text, VACUUM INTO.
 *
 * Reading the rows is not timed here: it is what the whole costs beyond its parts. */
#include <inttypes.h>
#include <isa-l/igzip_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arena.h"
#include "buffer.h"
#include "ceilings.h"
#include "db.h"
#include "schema.h"
#include "sink.h"
#include "stages.h"
#include "xalloc.h"

enum { BLOCK = 256, PIECE = 256 * 1024, LISTS = 4 };

struct text { /* of one format */
	const struct sink_ops *ops;
	struct buffer buffer;
	double cpu, gzip_cpu;
	uint64_t bytes;
	struct isal_zstream gzip;
	uint8_t *level;
};

struct block {
	struct sink_list list;
	size_t n;
	struct sink_value values[BLOCK][SINK_COLUMNS];
	struct arena *arena;
};

static const char *const selects[LISTS] = {"SELECT * FROM \"Q_Host_List_Detection_QIDS\"",
    "SELECT * FROM vulnerabilities", "SELECT * FROM \"Q_KnowledgeBase\"", "SELECT * FROM \"Q_Host_List\""};

static void take_value(struct arena *a, sqlite3_stmt *s, int i, struct sink_value *v)
{
	int type = sqlite3_column_type(s, i);
	const char *text = (const char *)sqlite3_column_text(s, i);

	v->kind = type == SQLITE_NULL ? SINK_NULL : type == SQLITE_TEXT ? SINK_TEXT : SINK_NUMBER;
	v->len = (size_t)sqlite3_column_bytes(s, i);
	v->text = arena_strndup(a, text ? text : "", v->len);
}

static bool take_block(struct block *b, struct db *d, sqlite3_stmt *s)
{
	int more = 1;

	arena_reset(b->arena);
	for (b->n = 0; b->n < BLOCK && (more = db_row(d, s)) == 1; b->n++)
		for (int i = 0; i < b->list.n; i++)
			take_value(b->arena, s, i, &b->values[b->n][i]);
	must(more >= 0, "cannot read the rows");
	return more == 1;
}

static STAGE bool stage_csv(const struct block *b, struct buffer *to)
{
	for (size_t i = 0; i < b->n; i++)
		if (!sink_csv.row(&b->list, b->values[i], to))
			return false;
	return true;
}

static STAGE bool stage_json(const struct block *b, struct buffer *to)
{
	for (size_t i = 0; i < b->n; i++)
		if (!sink_json.row(&b->list, b->values[i], to))
			return false;
	return true;
}

static STAGE void stage_gzip(struct text *t, bool end)
{
	static uint8_t out[PIECE];
	struct isal_zstream *z = &t->gzip;

	z->next_in = (uint8_t *)t->buffer.data;
	z->avail_in = (uint32_t)t->buffer.size;
	z->end_of_stream = end;
	do {
		z->next_out = out;
		z->avail_out = PIECE;
		must(isal_deflate(z) == COMP_OK, "cannot pack");
	} while (z->avail_out == 0);
}

static void open_text(struct text *t, const struct sink_ops *ops)
{
	*t = (struct text){.ops = ops, .level = xmalloc(ISAL_DEF_LVL1_DEFAULT)};
	buffer_open(&t->buffer, 1 << 30);
	isal_deflate_init(&t->gzip);
	t->gzip.gzip_flag = IGZIP_GZIP;
	t->gzip.level = 1;
	t->gzip.level_buf = t->level;
	t->gzip.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
}

static void write_block(struct text *t, const struct block *b, bool end)
{
	double began = cpu_s();

	must(t->ops == &sink_csv ? stage_csv(b, &t->buffer) : stage_json(b, &t->buffer), "a row is too long");
	double between = cpu_s();
	stage_gzip(t, end);
	t->gzip_cpu += cpu_s() - between;
	t->cpu += between - began;
	t->bytes += t->buffer.size;
	buffer_clear(&t->buffer);
}

static bool is_nested(int list, const char *name)
{
	static const enum table_id tables_of[LISTS] = {
	    TABLE_DETECTION_QIDS, TABLE_COUNT, TABLE_KNOWLEDGEBASE, TABLE_HOST_LIST};
	struct schema_column columns[SCHEMA_COLUMNS];
	size_t n = tables_of[list] == TABLE_COUNT ? 0 : schema_columns(tables_of[list], columns);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(columns[i].name, name))
			return columns[i].kind == RECORD_NESTED;
	return false;
}

static struct text texts[2];
static uint64_t rows;

static void write_list(struct db *d, int list, bool is_last)
{
	struct block *b = xcalloc(1, sizeof(*b));

	must(list != 1 || schema_hasten(d), "cannot read the view");
	sqlite3_stmt *s = db_prepare(d, selects[list]);
	must(s != NULL, "cannot read the list");
	for (int i = 0; i < sqlite3_column_count(s); i++)
		sink_add_column(
		    &b->list, sqlite3_column_name(s, i), is_nested(list, sqlite3_column_name(s, i)));
	b->arena = arena_open();
	for (bool more = true; more; rows += b->n) {
		more = take_block(b, d, s);
		write_block(&texts[0], b, !more && is_last);
		write_block(&texts[1], b, !more && is_last);
	}
	arena_close(b->arena);
	free(b);
}

static void tell_texts(void)
{
	tell("csv", texts[0].cpu, texts[0].bytes, rows);
	tell("json", texts[1].cpu, texts[1].bytes, rows);
	tell("gzip", texts[0].gzip_cpu + texts[1].gzip_cpu, texts[0].bytes + texts[1].bytes, rows);
	for (int i = 0; i < 2; i++) {
		buffer_close(&texts[i].buffer);
		free(texts[i].level);
	}
}

void stages_text(const char *database)
{
	struct db *d = db_open(database, DB_READ, 0);

	must(d != NULL, "cannot open the database");
	open_text(&texts[0], &sink_csv);
	open_text(&texts[1], &sink_json);
	write_list(d, 0, true);
	tell_texts();
	db_close(d);
}

void stages_parts(const char *database, const char *folder)
{
	char *copy = xasprintf("%s/parts.sqlite", folder);
	struct db *d = db_open(database, DB_READ, 0);

	must(d != NULL, "cannot open the database");
	(void)unlink(copy);
	double began = cpu_s();
	must(db_exec(d, "VACUUM INTO '%s'", copy), "cannot copy the database");
	double took = cpu_s() - began;
	open_text(&texts[0], &sink_csv);
	open_text(&texts[1], &sink_json);
	for (int list = 0; list < LISTS; list++)
		write_list(d, list, list == LISTS - 1);
	tell("vacuum", took, 0, rows);
	tell_texts();
	(void)unlink(copy);
	free(copy);
	db_close(d);
}
