/* postgresql_feed_inside.h -- what postgresql_feed.c (tables, views, the order of all) and postgresql_held.c (what is there
 * already) share. */
#ifndef POSTGRESQL_FEED_INSIDE_H
#define POSTGRESQL_FEED_INSIDE_H
#include "postgresql_copy.h"
#include "postgresql_feed.h"

#define FEED_FORMAT "1" /* of qidflow_feed */
enum { FEED_ID = 64, FEED_TIME = 32 };

struct feed {
	struct postgresql *p;
	struct db *db;
	struct shape shape;
	char database[FEED_ID], started_at[FEED_TIME];
	int64_t run;
	bool is_new, anew;    /* nothing is there; all rows are to be replaced */
	bool added;           /* columns, and so it is to be committed */
	struct changes hosts; /* of Q_Host_List_Detection_HOSTS, for the detections */
	char *grants;         /* of views that had to go for a while; NULL: of none */
	uint64_t rows, gone, mended, n_hosts, n_qids;
};

/* Looks at what the schema holds, and makes it and qidflow_feed where they are missing. *ret_is_ahead: there is nothing to do. */
bool feed_look(struct feed *f, bool *ret_is_ahead);
#endif
