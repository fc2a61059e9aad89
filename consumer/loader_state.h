/* loader_state.h -- what the loader knows. Only loader*.c include it; one thread owns all of it. */
#ifndef LOADER_STATE_H
#define LOADER_STATE_H
#include "buffer.h"
#include "run_table.h"
#include "schema.h"
#include "store_mark.h"
#include "store_part.h"
#include "transport.h"

struct loader_position {
	int64_t stored, next;    /* in the database; of what was read */
	int64_t told;            /* in a Report; -1: never */
	bool ended;              /* nothing to read now */
	bool reached;            /* its end, once since the start */
	int64_t shown, shown_ms; /* to whoever displays the lag; and when */
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
	bool overflows;                        /* this transaction, the database's cache */

	uint64_t *ignored; /* hosts to be told in the next Report, where they are still marked then */
	size_t n_ignored, ignored_room;
	struct stale_parts *stale; /* the same */
	size_t n_stale, stale_room;
	uint64_t highest_run, highest_number, generation, commits, dead_letters;
	uint64_t commits_opened;    /* as it was found, before we committed anything */
	uint64_t generation_stored; /* in the database */
	bool highest_moved;
	int64_t epoch;                             /* which opening of the database ours is */
	bool sweeps, had_positions, started_empty; /* loader_meta.c */
	int64_t committed_at;                      /* as it stands in the database */
	bool tell;                                 /* a Report is due, though no position has moved */
	bool caught_up;           /* all partitions have been read to their ends once since the start */
	bool tell_first;          /* as soon as that is so: the start, a new leader */
	bool first_unsure;        /* whether the last `first` was delivered */
	bool under_way;           /* a run is: somebody may be waiting for us */
	int64_t told_ms, read_ms; /* the last Report; the last transaction */
	bool again;               /* the topics were made anew */
	struct loader_complete complete;
	struct run_complete last;    /* the last one that is published */
	char publish_error[RUN_WHY]; /* why it has no snapshot; "": it has, or wants none */
	bool knowledge_is_marked;    /* so the KnowledgeBase is to be taken whole */
	struct delivery *reports, *dead;
	bool interrupted; /* a signal came while we were publishing */
};

bool loader_begin(struct loader *l);  /* where no transaction is open */
bool loader_commit(struct loader *l); /* with the positions; false: rolled back, logged */
#endif
