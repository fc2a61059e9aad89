/* store_loaded.c -- a database that is loaded from messages, without a transport's order and times. */
#include "arena.h"
#include "db.h"
#include "delivery.h"
#include "loader_message.h"
#include "local.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "store_stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct local_hub *hub;
static int users;

void loaded_open(struct loader *l)
{
	if (!users++)
		hub = local_hub_open(1, 1);
	memset(l, 0, sizeof(*l));
	l->t = local_open(hub, "loader"); /* for dead letters */
	l->dead = delivery_open();
	l->arena = arena_open();
	l->db = db_open(":memory:", DB_WRITE, 4096);
	assert_non_null(l->db);
	l->store = store_open(l->db);
	assert_non_null(l->store);
	assert_true(db_begin(l->db));
}

void loaded_close(struct loader *l)
{
	db_rollback(l->db);
	store_close(l->store);
	db_close(l->db);
	arena_close(l->arena);
	delivery_close(l->dead);
	transport_close(l->t);
	free(l->ignored);
	if (!--users)
		local_hub_close(hub);
}

void loaded_take(struct loader *l, const struct written *w)
{
	struct message m = w->m;

	arena_reset(l->arena);
	m.key = w->key;
	m.key_size = strlen(w->key);
	m.headers[0].name = w->set[0] ? "set" : NULL;
	m.headers[0].value = w->set;
	assert_true(loader_message_take(l, &m));
}

void loaded_complete(struct loader *l, uint64_t run, bool sweeps)
{
	uint64_t hosts;

	assert_true(!sweeps || store_sweep(l->store, run, &hosts));
	assert_true(store_end_parts(l->store, run));
}

int64_t loaded_ask(struct loader *l, const char *sql)
{
	int64_t n = -1;

	assert_true(db_int(l->db, &n, sql));
	return n;
}

static void dump(struct loader *l, const char *sql, struct buffer *to)
{
	sqlite3_stmt *st = db_prepare(l->db, sql);

	assert_non_null(st);
	while (db_row(l->db, st) == 1) {
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const char *text = (const char *)sqlite3_column_text(st, i);

			if (text && strcmp(sqlite3_column_name(st, i), "detection_row") != 0)
				assert_true(buffer_printf(to, "%s=%s ", sqlite3_column_name(st, i), text));
		}
		assert_true(buffer_add_text(to, "\n"));
	}
}

void loaded_dump(struct loader *l, struct buffer *to)
{
	static const char *const sql[] = {
	    "SELECT * FROM Q_Host_List ORDER BY ID",
	    "SELECT * FROM Q_Host_List_Detection_HOSTS ORDER BY ID",
	    "SELECT * FROM Q_Host_List_Detection_QIDS ORDER BY ID, detection_key",
	    "SELECT * FROM Q_KnowledgeBase ORDER BY QID",
	    /* a purge's name goes with its tombstone */
	    "SELECT id, detected, listed, iif(detected, run || '.' || number, NULL) AS name,"
	    " iif(listed, list_run || '.' || list_number, NULL) AS list_name"
	    " FROM qidflow_host WHERE detected OR listed ORDER BY id",
	    "SELECT count(*) AS parts FROM qidflow_part",
	    "SELECT count(*) AS marks FROM qidflow_ignored",
	    "SELECT count(*) AS row_marks FROM qidflow_ignored_row",
	};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		assert_true(buffer_printf(to, "%zu:\n", i));
		dump(l, sql[i], to);
	}
}
