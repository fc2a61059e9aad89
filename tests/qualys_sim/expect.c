/* expect.c -- the database that a correct extraction would leave at this moment. Row by row from the facts, in one
 * transaction without a journal: a test can wait for it. */
#include "expect.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "host_facts.h"
#include "shown.h"
#include "sim.h"
#include "vuln_facts.h"

/* The pool's cells, and the columns that differ from detection to detection. */
struct detection_cells {
	struct facts *arena;
	struct expect_cell *findings[WORLD_FINDINGS], *tails[SLOT_STATUSES][WORLD_TAILS];
	int id, asset_id, unique_id, results;
};

static void make_cells(
    struct detection_cells *d, struct expect_table *t, const struct pool *p, unsigned shown)
{
	d->arena = facts_open();
	for (int i = 0; i < WORLD_FINDINGS; i++)
		d->findings[i] = expect_make_cells(t, d->arena, p->findings[i].facts, shown);
	for (int s = 0; s < SLOT_STATUSES; s++)
		for (int i = 0; i < WORLD_TAILS; i++)
			d->tails[s][i] = expect_make_cells(t, d->arena, p->tails[s][i].facts, shown);
	d->id = 1 + expect_column(t, "ID", 2);
	d->asset_id = 1 + expect_column(t, "ASSET_ID", 8);
	d->unique_id = 1 + expect_column(t, "UNIQUE_VULN_ID", 14);
	d->results = 1 + expect_column(t, "RESULTS", 7);
}

static bool insert_detection(const struct sim *s, const struct detection_cells *d, struct expect_table *t,
    const struct host *h, const struct slot *slot, char dates[HOLE_COUNT][20])
{
	sqlite3_bind_int64(t->insert, d->id, (int64_t)h->id);
	sqlite3_bind_int64(t->insert, d->asset_id, (int64_t)(h->id * 2 + 7));
	if (s->world.unique_ids)
		sqlite3_bind_int64(t->insert, d->unique_id, (int64_t)slot->unique_id);
	const struct fact *results =
	    slot->big_results ? s->pool->big_results : s->pool->results[slot->results];
	if (results)
		sqlite3_bind_text(t->insert, d->results, results->text, (int)results->length, SQLITE_STATIC);
	const struct expect_cell *tail = d->tails[slot->status][slot->tail];
	expect_bind_cells(t, d->findings[slot->finding]);
	expect_bind_cells(t, tail);
	for (; tail->column >= 0; tail++)
		if (tail->type == CELL_HOLE)
			sqlite3_bind_text(
			    t->insert, tail->column + 1, dates[tail->number], 19, SQLITE_STATIC);
	return expect_insert(t);
}

static bool insert_detections(const struct sim *s, const struct detection_cells *d,
    struct expect_table *hosts, struct expect_table *qids, const struct host *h, struct facts *arena,
    unsigned shown)
{
	char dates[HOLE_COUNT][20], date[FACTS_DATE_BYTES + 1];
	facts_write_date(host_scanned_s(h), date);
	expect_write_date(date, dates[HOLE_SCANNED]);
	facts_write_date(h->processed_s, date);
	expect_write_date(date, dates[HOLE_PROCESSED]);
	struct slot slot;
	uint32_t found = 0;
	for (uint32_t n = 0; n < h->slots; n++) {
		if (!world_slot(&s->world, h, n, &slot))
			continue;
		if (!insert_detection(s, d, qids, h, &slot, dates))
			return false;
		found++;
	}
	if (found == 0)
		return true;
	facts_reset(arena);
	expect_bind_cells(
	    hosts, expect_make_cells(hosts, arena, detection_host_facts(arena, &s->world, h), shown));
	return expect_insert(hosts);
}

static bool insert_hosts(
    struct sim *s, struct expect_table t[4], unsigned host_shown, unsigned detection_shown)
{
	struct detection_cells *d = sim_alloc(sizeof(*d));
	make_cells(d, &t[2], s->pool, detection_shown);
	struct facts *arena = facts_open();
	struct host h;
	bool good = true, detections = !atomic_load(&s->world.empty_detections);
	uint32_t hosts = atomic_load(&s->world.hosts);
	for (uint32_t i = 0; good && i < hosts; i++) {
		if (!world_is_listed(&s->world, i) || !world_host(&s->world, i, &h))
			continue;
		facts_reset(arena);
		expect_bind_cells(&t[0],
		    expect_make_cells(&t[0], arena, host_list_facts(arena, &s->world, &h), host_shown));
		good = expect_insert(&t[0]);
		if (good && detections)
			good = insert_detections(s, d, &t[1], &t[2], &h, arena, detection_shown);
	}
	facts_close(arena);
	facts_close(d->arena);
	free(d);
	return good;
}

static bool insert_vulns(struct sim *s, struct expect_table *t)
{
	struct facts *arena = facts_open();
	bool good = true;
	for (uint32_t i = 0; good && i < s->world.qids; i++) {
		facts_reset(arena);
		expect_bind_cells(
		    t, expect_make_cells(t, arena, vuln_facts(arena, &s->world, i), SHOW_OF_VULNS));
		good = expect_insert(t);
	}
	facts_close(arena);
	return good;
}

static bool write_tables(struct sim *s, sqlite3 *db, unsigned host_shown, unsigned detection_shown)
{
	struct expect_table t[4] = {{.name = "Q_Host_List", .columns = expect_host_list},
	    {.name = "Q_Host_List_Detection_HOSTS", .columns = expect_hosts},
	    {.name = "Q_Host_List_Detection_QIDS", .columns = expect_qids},
	    {.name = "Q_KnowledgeBase", .columns = expect_vulns}};
	bool good = sqlite3_exec(db,
			"PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;PRAGMA page_size=65536;"
			"PRAGMA cache_size=-4000;PRAGMA locking_mode=EXCLUSIVE;BEGIN",
			NULL, NULL, NULL) == SQLITE_OK;
	for (int i = 0; good && i < 4; i++)
		good = expect_table_open(&t[i], db);
	good = good && insert_hosts(s, t, host_shown, detection_shown) && insert_vulns(s, &t[3]);
	for (int i = 0; i < 4; i++)
		expect_table_close(&t[i]);
	return good && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

bool expect_write(struct sim *s, const char *file, unsigned host_shown, unsigned detection_shown)
{
	sqlite3 *db = NULL;
	unlink(file);
	bool good = sqlite3_open(file, &db) == SQLITE_OK && write_tables(s, db, host_shown, detection_shown);
	if (!good)
		fprintf(
		    stderr, "qualys_sim: cannot write %s: %s\n", file, db ? sqlite3_errmsg(db) : "no memory");
	return sqlite3_close(db) == SQLITE_OK && good;
}
