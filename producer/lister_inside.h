/* lister_inside.h -- what lister.c (the loop) and lists.c (the three lists) share; nobody else includes it. */
#ifndef LISTER_INSIDE_H
#define LISTER_INSIDE_H
#include <pthread.h>
#include "lister.h"
#include "meter.h"

struct lister {
	struct lister_run run;
	const char *name; /* for the log */
	enum meter_waiter waiter;
	void (*call)(struct lister *l, struct api_answer *a); /* one step's call */
	bool (*advance)(
	    struct lister *l, const struct api_answer *a); /* to the next step; false: there is none */
	bool (*split)(struct lister *l); /* the step broke again; false: cannot be smaller. NULL: never */
	uint64_t (*alone)(
	    const struct lister *l); /* the one that the step asks for; 0: it is more. NULL: never */
	struct api *api;
	struct governor
	    *governor; /* the coordinator's, of this API: lists of one API never run at the same time */
	uint64_t random, number;
	int64_t after_s;
	uint64_t id_min, id_max;    /* of the step */
	uint64_t range, range_most; /* QIDs a call: halved by an answer that broke, and grows again */
	struct ids ids, step_ids;   /* to be asked for by id: later, and by this step */
	struct ids found;           /* by the step under way */
	uint64_t found_count;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopped, held;
	struct lister_news news;
	int64_t datetime_s;
};

struct lister *lister_new(
    const struct lister_run *r, struct governor *g, const char *name, enum meter_waiter waiter);
struct lister *lister_start(struct lister *l); /* NULL: logged, and l is gone */
#endif
