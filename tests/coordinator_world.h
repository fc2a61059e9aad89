/* coordinator_world.h -- everything around a coordinator, for tests: an API that is a script, a fetcher and a loader that do as the
 * protocol says, over the in-process transport. What happened is written down. */
#ifndef COORDINATOR_WORLD_H
#define COORDINATOR_WORLD_H
#include <pthread.h>
#include <stdbool.h>
#include "api.h"
#include "exit_status.h"
#include "ids.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "transport.h"

enum { WORLD_NOW = 1700000000, WORLD_SLOTS = 4, WORLD_STALE = 4 };

struct world_slot { /* a fetcher's memory of it */
	uint64_t done, generation;
};

struct world_call { /* a detection call, for the script to answer */
	const struct ids *asked;
	int number;                           /* of the call: 1 .. */
	uint64_t batch;                       /* its number */
	bool probe, lost;                     /* lost: report LOST instead of calling */
	bool let_go;                          /* with lost: by the one who had begun it */
	Qidflow__V1__Report__Outcome refused; /* with lost: by Kafka, with text; 0: it was not */
	uint64_t word_of;                     /* then: whoever had begun this number lets it go */
	bool word_fetched;                    /* or has fetched it */
	int word_after_ms;                    /* and nobody says anything before */
	bool silent;                          /* report nothing at all */
	struct ids came, empty;               /* empty: came without detections */
	Qidflow__V1__Report__Outcome outcome;
	const char *text;
	int delay_ms;
	uint32_t qid;
};

struct world {
	/* what the API says */
	struct ids listed, processed;               /* at present; in the window of an incremental run */
	enum api_result list_result;                /* of every list, API_WHOLE unless set */
	void (*on_knowledge_base)(struct world *w); /* before each call of it */
	uint64_t broken_qid;                        /* breaks each answer for a list of QIDs that it is in */
	void (*answer)(struct world *w, struct world_call *c); /* NULL: everybody comes */
	/* what the database holds at the start */
	struct ids known, detected, owed, kb_known;
	uint64_t complete_run;
	int64_t complete_at; /* 0: a day ago */
	const char *database;
	const char
	    *_Atomic publish_error; /* told as of the run that is complete; NULL: it has its snapshot */
	struct ids ignore_once, ignore_at_purge; /* the loader ignores sets: the next one; told at a purge */
	void (*before_empty)(struct world *w);   /* by the loader, which comes to an empty set */
	uint64_t highest_number, commits;
	Qidflow__V1__StaleParts stale[WORLD_STALE];
	size_t n_stale;
	/* what the loader and the fetcher do */
	uint64_t loader_generation;   /* told in the first Report instead of the one read; 0: that one */
	int delay_loader_ms, rest_ms; /* rest_ms: world_run() makes two runs, and rests between them */
	void (*between)(struct world *w);
	void (*on_transport)(struct world *w); /* the coordinator's is open and not yet in use */
	struct local_hub *hub;                 /* world_keep_topics() */
	struct world_slot slots[WORLD_SLOTS];
	int64_t positions[TOPIC_COUNT][8];
	struct transport *coordinator;
	struct roles *roles;
	bool busy; /* the fetcher has a batch in hand */

	pthread_mutex_t lock;            /* of what happened: */
	uint64_t generation, last_run;   /* of LEADS; of the last RunStatus */
	int parts_gone, parts_partition; /* tombstones of parts, and where the last was */
	char part_gone[64], last_error[512];
	int calls, list_calls, probes, batches_of_nobody;
	struct ids asked_once, asked_twice, purged, purged_again, emptied, kb_asked, listed_by_id;
	int64_t after_s;    /* what Host List was asked for */
	struct ids numbers; /* of the batches that were called */
	Qidflow__V1__RunStatus__State last_state;
	uint64_t dead[64], held[4096];
	int n_dead, n_held;
	char dead_error[256];
	bool kb_complete;
	Qidflow__V1__Counts counts; /* of the last RunStatus, as kb_complete */
};

struct local_hub;
struct roles;
extern struct world *coordinator_world_api; /* whose API it is: set by world_run() */

/* One run in `folder` over a fresh hub, with `settings` "name=value" up to a NULL. */
enum exit_status world_run(
    struct world *w, const char *folder, bool full, bool confirm, const char *const *settings);
/* From here on the runs share their topics, as on a broker: in one stream. */
void world_keep_topics(struct world *w);
void world_crash(struct world *w); /* the coordinator, from within a callback: its transport fails */
/* From within a callback: a person asks. run 0: names none. */
void world_request(struct world *w, Qidflow__V1__Report__Kind kind, const struct ids *hosts, uint64_t run);
void world_open(struct world *w);
void world_close(struct world *w);
void world_had(struct world *w, uint64_t n); /* one complete run: hosts 1-n, all with detections */
void world_forget(struct world *w);          /* what happened */
#endif
