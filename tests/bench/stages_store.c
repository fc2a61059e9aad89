/* stages_store.c -- the store alone: sets into a database, as the loader does it, and what a row costs when there are many.
 *
 * Transactions end where the loader's do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arena.h"
#include "db.h"
#include "schema.h"
#include "stages.h"
#include "store.h"
#include "xalloc.h"

enum { TURNS = 8, TURN_ROWS = 50 * 1000, ONE_IN = 100 };

struct target {
	struct db *db;
	struct store *store;
	size_t next; /* of the hosts; then the next round begins */
	uint64_t round, rows, number;
	double cpu;
};

static STAGE bool stage_store_set(struct target *t, Qidflow__V1__HostDetections *h)
{
	return store_set(t->store, h) == STORE_DONE;
}

static STAGE bool stage_store_commit(struct target *t)
{
	return db_commit(t->db) && db_begin(t->db);
}

static void open_target(struct target *t, const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *old = xasprintf("%s%s", path, ends[i]);

		(void)unlink(old);
		free(old);
	}
	*t = (struct target){.number = 1};
	t->db = db_open(path, DB_WRITE, SCHEMA_PAGE_SIZE);
	t->store = t->db ? store_open(t->db) : NULL;
	must(t->store && db_begin(t->db), "cannot make a database");
}

static void close_target(struct target *t)
{
	must(db_commit(t->db), "cannot commit");
	store_close(t->store);
	db_close(t->db);
}

static void put(struct target *t, struct arena *a, const struct packed_host *p, uint64_t round)
{
	Qidflow__V1__HostDetections *h = host_of(a, p, round, t->number);
	uint64_t n = h->n_detection_list;
	double began = cpu_s();

	must(stage_store_set(t, h), "a set cannot be stored");
	if (db_overflows(t->db))
		must(stage_store_commit(t), "cannot commit");
	t->cpu += cpu_s() - began;
	t->rows += n;
}

void stages_store(const struct hosts *h, const char *database)
{
	struct arena *a = arena_open();
	struct target t;
	size_t bytes = 0;

	open_target(&t, database);
	for (size_t i = 0; i < h->n; i++) {
		put(&t, a, &h->v[i], 0);
		bytes += h->v[i].size;
	}
	double began = cpu_s();
	must(stage_store_commit(&t), "cannot commit");
	tell("store", t.cpu + (cpu_s() - began), bytes, t.rows);
	close_target(&t);
	arena_close(a);
}

/* ---- growth */

static void fill(struct target *t, struct arena *a, const struct hosts *h, uint64_t rows)
{
	for (uint64_t end = t->rows + rows; t->rows < end;) {
		put(t, a, &h->v[t->next], t->round);
		if (++t->next == h->n) {
			t->next = 0;
			t->round++;
		}
	}
}

/* What runs of one host in a hundred do: new sets in the order of ids, and a commit at the end. So many rows at least. */
static void replace(struct target *t, struct arena *a, const struct hosts *h, uint64_t rows, unsigned *seed)
{
	uint64_t hosts = t->round * h->n + t->next;

	for (uint64_t end = t->rows + rows; t->rows < end;) {
		t->number++;
		for (uint64_t i = 0; i < hosts; i++)
			if (rand_r(seed) % ONE_IN == 0)
				put(t, a, &h->v[i % h->n], i / h->n);
		double began = cpu_s();
		must(stage_store_commit(t), "cannot commit");
		t->cpu += cpu_s() - began;
	}
}

void stages_growth(const struct hosts *h, const char *folder, uint64_t small, uint64_t large)
{
	struct arena *a = arena_open();
	struct target targets[2];
	const uint64_t sizes[] = {small, large};
	unsigned seed = 1;

	for (int i = 0; i < 2; i++) {
		char *path = xasprintf("%s/growth-%d.sqlite", folder, i);

		open_target(&targets[i], path);
		fill(&targets[i], a, h, sizes[i]);
		free(path);
	}
	for (int turn = 0; turn < TURNS; turn++)
		for (int i = 0; i < 2; i++) {
			struct target *t = &targets[i];
			uint64_t rows = t->rows;

			t->cpu = 0;
			fill(t, a, h, TURN_ROWS);
			tell(i ? "full-large" : "full-small", t->cpu, sizes[i], t->rows - rows);
			rows = t->rows;
			t->cpu = 0;
			replace(t, a, h, TURN_ROWS, &seed);
			tell(i ? "again-large" : "again-small", t->cpu, sizes[i], t->rows - rows);
		}
	close_target(&targets[0]);
	close_target(&targets[1]);
	arena_close(a);
}
