/* coordinator_state.h -- what the coordinator knows of its run; shared by coordinator.c (the run from top to bottom), claim.c,
 * resume.c and foreign.c (what was before), handout.c (what goes out), reports.c, settle.c and requests.c (what comes in, and what it changes),
 * marks.c, refused.c, overdue.c, beginning.c and closing.c (purges, emptying, COMPLETE), listing.c, aside.c, notes.c. Nobody else includes it.
 *
 * One thread owns all of it. batch_move() is the only place where a batch changes its state. */
#ifndef COORDINATOR_STATE_H
#define COORDINATOR_STATE_H
#include "batches.h"
#include "coordinator.h"
#include "delivery.h"
#include "fetchers.h"
#include "governor.h"
#include "leader_inside.h"
#include "lister.h"
#include "outage.h"
#include "progress.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "refused.h"
#include "transport.h"

enum { IGNORED_TIMES = 3 };

struct batch { /* in memory while it is not LOADED */
	struct progress_batch p;
	struct batch *next;
	bool probe, suspect; /* outage.h; a probe is not stored */
	bool foreign;        /* foreign.c: stands in its slot alone, and is of this run: */
	uint64_t foreign_run;
	int64_t sent_ms, not_before_ms, overdue_said_ms;
};

struct slot_end { /* the last message of a slot that counts, as found at the start; number 0: there is none */
	uint64_t run, number, generation;
};

struct coordinator {
	const struct config *config;
	struct leader *leader;
	struct transport *transport; /* the leader's, as progress */
	struct progress *progress;
	struct progress_run run;
	uint64_t generation;
	bool confirm_purge;
	/* Reports are looked at until the run has begun, from looked_from (-1: none came) to begun_at, and then taken from the first on. */
	bool begun;
	int64_t looked_from, begun_at;
	struct ids cancelled; /* runs, as looked at */
	bool cancelled_any;   /* by somebody who names none */
	bool closed;          /* COMPLETE is told: what comes now is for the next run */
	bool called_off;      /* by a person */
	bool reports_gone;

	/* what the topics told at the start */
	struct slot_end *slot_ends;
	struct ids settled; /* numbers of the run that was taken up, which are over */
	uint64_t started_on_topic, complete_on_topic; /* the newest that began, and that is complete */
	bool new_stream;                              /* no run is complete since the topics were made */
	bool overtaken;                               /* another has led since progress.db was written */

	/* what the loader told of the database */
	bool database_told, database_more; /* more: in pieces, of which some are still to come */
	char database[PROGRESS_STREAM], expected[PROGRESS_STREAM]; /* expected: of the run before; "": any */
	uint64_t database_commits;                                 /* its own count */
	bool database_is_older;                                    /* a copy put back: it has lost some */
	int64_t other_since_ms, other_told_ms;                     /* another database was told of */
	uint64_t generation_told;                                  /* by the loader, where it is above ours */
	uint64_t complete_run;
	char publish_error[512]; /* why it has no snapshot; "": it has, or wants none */
	int64_t complete_started_at, complete_full_at, complete_kb_at;
	struct ids known, detected, owed, kb_known;
	struct ids kb_asked;             /* by QID, in this run */
	uint64_t kb_given_up;            /* QIDs that break their answers */
	bool qids_moved;                 /* there are new ones to be looked up */
	int64_t *positions[TOPIC_COUNT]; /* next offset, by partition */
	int32_t partitions[TOPIC_COUNT];
	int64_t loader_told_ms, loader_missed_ms; /* missed: when its silence was last said */
	struct ids again;  /* left out of a whole answer: asked once more when all else is asked */
	struct ids marked; /* hosts of ignored sets that are to be asked for again */
	struct ids ignored[IGNORED_TIMES]; /* hosts whose set was ignored once, twice, … */
	struct ids unsure;                 /* marks.c */
	struct ids rows_again;             /* marked ones: their row of Host List is asked for once more */
	struct ids purge_again,
	    purge_held; /* marked ones that are not listed: purged once more; unless it is held back */
	bool purged;    /* it was looked who is not listed */

	/* work */
	struct ids todo, asked, listed; /* no batch yet; in some batch of this run; listed at the end */
	struct ids told;                /* by Host List, with all that it knows of them */
	bool all_listed;
	struct batch *batches;
	struct fetchers fetchers;   /* and slots */
	int64_t noted_ms;           /* for status */
	uint64_t junk;              /* messages on reports that are none */
	int64_t looked_ms, read_ms; /* Reports were looked for last; were read to their end last */
	struct sizer sizer;
	struct governor governors[3]; /* enum coordinator_api */
	struct outage outage;
	struct refusals refusals; /* by Kafka */
	uint64_t random;
	bool any_whole; /* some answer of this run was whole: a 400 is then about its ids */
	struct lister *listers[2];
	struct delivery *own, *control; /* own: hosts, vulnerabilities, tombstones, empty sets */
	struct delivery *aside;         /* what no run stands on: tombstones of parts, dead letters */
	Qidflow__V1__Counts counts;

	enum exit_status failed; /* STATUS_COMPLETE: not; then why is said */
	char why[512];
};
enum coordinator_api { GOVERN_DETECTIONS, GOVERN_HOST_LIST, GOVERN_KNOWLEDGE_BASE };

/* coordinator_state.c; config and transport are set before */
void coordinator_open(struct coordinator *c);
void coordinator_close(struct coordinator *c); /* and free */

/* coordinator.c */
bool coordinator_pump(struct coordinator *c, int64_t wait_ms); /* one event; false: the run cannot go on */
bool coordinator_fetch_all(struct coordinator *c);             /* until nothing waits and nothing is out */
__attribute__((format(printf, 3, 4))) bool coordinator_fail(
    struct coordinator *c, enum exit_status status, const char *format, ...);
bool coordinator_do_rest(struct coordinator *c); /* of what has come up at the end */

/* claim.c: the topics are looked at, numbers and generation are above all of theirs; LEADS is delivered, and is the last. May be called again */
bool claim_lead(struct coordinator *c);
bool claim_start(struct coordinator *c); /* STARTED, likewise */

/* resume.c */
bool resume_batches(struct coordinator *c);      /* of c->run, that was interrupted */
bool resume_unsent(struct coordinator *c);       /* SENT ones that are not in their slots are sent again */
bool resume_reports_gone(struct coordinator *c); /* some Reports are lost: whatever was SENT may be done */

/* foreign.c: batches in slots that this run does not know and that may still be at work */
bool foreign_find(struct coordinator *c);
bool foreign_report(struct coordinator *c, const Qidflow__V1__Report *r); /* false: it is not about one */
void foreign_expire(struct coordinator *c, int64_t now_ms);
void foreign_close(struct coordinator *c);

/* requests.c: what people ask for. False: progress.db */
bool requests_retry(struct coordinator *c, const Qidflow__V1__Report *r);
bool requests_cancel(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset);
bool requests_cancel_interrupted(struct coordinator *c, const struct progress_run *old, bool *ret_cancelled);
bool requests_take_kept(struct coordinator *c); /* those that came when no run was on */

/* marks.c */
bool marks_ask(struct coordinator *c); /* for those that are marked and not in hand */
void marks_add(struct coordinator *c, uint64_t host);
bool marks_unsure(struct coordinator *c, const struct ids *hosts); /* false: progress.db */
bool marks_is_unsure(const struct coordinator *c, uint64_t host);

/* aside.c: tombstones of parts; copies of what is no Report */
bool aside_parts(struct coordinator *c, const Qidflow__V1__Report *r);
bool aside_junk(struct coordinator *c, const struct message *m);

bool notes_write(struct coordinator *c); /* notes.c: for status, every 2 s */

/* beginning.c; now_s: API's clock. listed: the ids at the beginning */
bool beginning(struct coordinator *c, int64_t now_s, bool full);
void beginning_todo(struct coordinator *c, const struct ids *listed);

/* listing.c */
bool coordinator_refused(struct coordinator *c, const char *text);
bool listing_take_news(struct coordinator *c, int which);                              /* of listers[which] */
bool listing_ids(struct coordinator *c, struct ids *ret_ids, int64_t *ret_datetime_s); /* waits */
bool listing_hosts(struct coordinator *c, const struct ids *hosts);                    /* NULL: the window */
bool listing_knowledge_base(struct coordinator *c, int64_t after_s, const struct ids *qids);

/* batch_move.c */
struct batch *batch_new(
    struct coordinator *c, enum batch_state state, int tries);                /* stored by batch_move() */
struct batch *batch_foreign(int32_t slot, const struct slot_end *what);       /* to be freed */
bool batch_move(struct coordinator *c, struct batch *b, enum batch_state to); /* false: progress.db, logged */
bool batch_drop(struct coordinator *c, struct batch *b);                      /* and free */
bool batch_forget(struct coordinator *c, enum batch_state state,
    const struct ids *hosts); /* they are in no batch of that state any more */
/* settle.c: ENDED, FETCHED and LOST of a batch that is outstanding; b may be gone afterwards */
bool settle_call_over(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r);
bool settle_ended(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r);
bool settle_fetched(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r);
bool settle_lost(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r);
bool settle_is_let_go(const Qidflow__V1__Report *r); /* LOST by the one who had begun it, and lives */
void settle_report_ids(Qidflow__V1__IdRange *const *ranges, size_t n, struct ids *to);
bool settle_loaded(struct coordinator *c); /* FETCHED ones that the loader has passed */
bool settle_passed(const struct coordinator *c, const struct delivery_end *ends, size_t n);

/* charge.c: a batch broke. missing is used up; the batch itself is gone afterwards; all suspects (outage.h) */
bool charge_missing(struct coordinator *c, const struct batch *like, struct ids *missing);
bool charge_batch(struct coordinator *c, struct batch *b);
bool charge_suspects(struct coordinator *c);
void charge_note_lost(struct batch *b); /* its fetcher is gone, unless it takes that back */
void charge_hold_lost(struct batch *b); /* so often that its word is waited for */
bool charge_take_back(struct coordinator *c, uint64_t number); /* the fetcher that had begun it lives */
bool charge_waits_for_word(const struct batch *b);             /* it is not to be sent meanwhile */
void charge_reading(struct coordinator *c, bool at_end); /* Reports were looked for; there are no more */
bool charge_lost(struct coordinator *c, int64_t now_ms); /* those whose time for that is over */

/* reports.c. look: before the run has begun. take: false: it could not be stored, and nothing of it was. That the run cannot go on says
 * c->failed. */
void reports_look(struct coordinator *c, const Qidflow__V1__Report *r);
bool reports_take(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset);

/* handout.c */
bool handout(struct coordinator *c, int64_t *ret_wait_ms); /* sends what may be sent; when to look again */
bool handout_produce(struct coordinator *c, struct batch *b);

/* closing.c */
/* delivered when it returns */
bool closing_run_status(struct coordinator *c, Qidflow__V1__RunStatus__State state, const char *error);
bool closing_send_status(struct coordinator *c, const Qidflow__V1__RunStatus *m);
bool closing_purge(struct coordinator *c);
bool closing_purge_again(struct coordinator *c);
bool closing_empty(struct coordinator *c);
bool closing_complete(struct coordinator *c);
#endif
