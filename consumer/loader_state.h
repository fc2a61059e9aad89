/* loader_state.h -- what the loader knows. Only loader*.c include it; one thread owns all of it. */
#ifndef LOADER_STATE_H
#define LOADER_STATE_H
#include "buffer.h"
#include "run_table.h"
#include "schema.h"
#include "store.h"
#include "transport.h"

struct loader_position {
	int64_t stored, next; /* in the database; of what was read */
	int64_t told;         /* in a Report; -1: never */
	bool ended;           /* nothing to read now */
};

struct
    loader_complete { /* COMPLETE of a run, until it is published; the position of runs waits at its first piece */
	bool any, whole;
	uint64_t run, generation;
	int64_t from;
	struct buffer packed; /* its last piece, which has all but the dead letters of the others */
};

struct loader {
	const struct config *config;
	struct transport *t;
	struct db *db;
	struct store *store;
	struct arena *arena; /* a message's; reset for each */
	char database[SCHEMA_ID], sender[48];
	struct loader_position *positions[TOPIC_COUNT]; /* by partition; NULL: not read */
	int32_t partitions[TOPIC_COUNT];

	int64_t load_rows, load_ms; /* settings */
	bool in_transaction;
	int64_t began_ms;
	uint64_t rows_before, detections_told; /* of store_rows(), store_detections() */
	size_t bytes;                          /* of this transaction's messages */

	uint64_t *ignored; /* hosts to be told in the next Report */
	size_t n_ignored, ignored_room;
	uint64_t highest_run, highest_number, dead_letters;
	bool highest_moved;
	bool tell; /* a Report is due, though no position has moved */
	struct loader_complete complete;
	struct run_complete last; /* the last one that is published */
	struct delivery *reports, *dead;
	bool interrupted; /* a signal came while we were publishing */
};

bool loader_begin(struct loader *l);  /* where no transaction is open */
bool loader_commit(struct loader *l); /* with the positions; false: rolled back, logged */
void loader_see(struct loader *l, uint64_t run, uint64_t number);
#endif
