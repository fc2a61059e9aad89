/* postgresql_feed_inside.h -- what postgresql_feed.c (the order of all), postgresql_bring.c (a table) and postgresql_held.c (what
 * is there already) share. */
#ifndef POSTGRESQL_FEED_INSIDE_H
#define POSTGRESQL_FEED_INSIDE_H
#include "postgresql_copy.h"
#include "postgresql_feed.h"

#define FEED_FORMAT "1" /* of qidflow_feed */
enum { FEED_ID = 64, FEED_TIME = 32, FEED_NOTE = POSTGRESQL_NAME + 16 };

struct feed_counts {
	uint64_t rows, gone, mended, n_hosts, n_qids;
};

struct feed {
	struct postgresql *p;
	struct db *db;
	struct shape shape;
	char database[FEED_ID], started_at[FEED_TIME];
	int64_t run;
	bool is_new, anew; /* nothing is there; all rows are to be replaced */
	bool is_emptied;   /* qidflow_feed, wholly, by somebody who means that all there is ours */
	bool added;        /* columns, and so it is to be committed */
	bool hosts_made; /* Q_Host_List_Detection_HOSTS: nobody knows what changed, so all detections come */
	struct changes hosts;            /* of Q_Host_List_Detection_HOSTS, for the detections */
	struct postgresql_answer *given; /* to views that had to go for a while; NULL: there is none */
	struct feed_counts counts;
	int n_left; /* tables, columns or views that are left out, and what is told of the first one */
	char left[DISTRIBUTE_WHY];
};

/* Looks at what the schema holds, and makes it and qidflow_feed where they are missing. *ret_is_ahead: there is nothing to do. */
bool feed_look(struct feed *f, bool *ret_is_ahead);
/* Of a table that is there: whether qidflow made it. */
bool feed_is_ours(struct feed *f, const struct shape_table *t, bool *ret_is);

/* Makes t, or brings it up to date. It may change t: see is_kept of its columns. */
bool feed_bring_table(struct feed *f, struct shape_table *t);
/* Of enrichment or publish.sql: it may be left out, those of the API may not. */
bool feed_has_signature(const struct shape_table *t);
/* Logs it; the feed goes on, and is not DISTRIBUTE_SENT at its end. */
__attribute__((format(printf, 2, 3))) void feed_leave_out(struct feed *f, const char *format, ...);
#endif
