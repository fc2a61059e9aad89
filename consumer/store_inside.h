/* store_inside.h -- what the files of the store share: store.c (open, lists, purges), store_set.c (sets, parts). */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H
#include <sqlite3.h>
#include "store_mark.h"
#include "store_part.h"

struct arena;
struct store {
	struct db *db;
	struct arena *arena; /* a part's message; reset for each */
	struct row *hosts, *detection_hosts, *detections, *vulnerabilities;
	struct detection_keys *keys;
	struct continued *continued;
	int64_t next_seq;
	uint64_t rows, n_detections;
	sqlite3_stmt *get_host, *put_host, *put_host_again;
	sqlite3_stmt *drop_host, *drop_detection_host, *drop_detections;
	sqlite3_stmt *get_vulnerability;
	sqlite3_stmt *put_part, *count_parts, *get_parts, *drop_parts;
	sqlite3_stmt *put_mark, *drop_mark;
	sqlite3_stmt *put_row_mark, *drop_row_mark, *is_marked;
	sqlite3_stmt *put_part_set, *drop_part, *part_is_gone, *drop_part_set, *end_part_sets;
	int64_t
	    part_sets; /* at least so many rows has qidflow_part_set; 0: none, and nothing is asked of it */
	struct stale_parts *stale; /* to be taken */
	size_t n_stale, stale_room;
	unsigned marks;    /* since store_log_marks() */
	int64_t row_marks; /* at least so many are in qidflow_ignored_row; 0: none */
};

struct stored_host {     /* a row of qidflow_host */
	int64_t id, seq; /* seq 0: none yet */
	struct set_name set, list;
	bool detected, listed, purged;
	bool is_stored; /* there is a row of it, */
	int64_t stored_seq;
};
bool store_get_host(struct store *s, uint64_t id, struct stored_host *ret); /* a new one is all 0 */
bool store_put_host(struct store *s, const struct stored_host *h);
bool store_is_smaller(struct set_name a, struct set_name b);

/* A message came that is the present row again, or newer: what was ignored before it no longer matters. */
bool store_drop_row_mark(struct store *s, const char *topic, uint64_t id, struct set_name set);

/* store_part.c: the sets of this host that are smaller are over. */
bool store_end_part_sets(struct store *s, uint64_t host, struct set_name set);

/* Runs a statement with (id) or (id, run, number). */
bool store_run(struct store *s, sqlite3_stmt *st, uint64_t id);
bool store_run_set(struct store *s, sqlite3_stmt *st, uint64_t id, struct set_name set);

/* store_set.c: takes away all rows of the host's set. */
bool store_empty(struct store *s, struct stored_host *h);
/* Notes that the host's set is now this one, and forgets the parts and the mark that are not newer. */
bool store_settle(struct store *s, struct stored_host *h, struct set_name set);
#endif
