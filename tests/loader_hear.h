/* loader_hear.h -- what the loader's Reports say, and waiting for it. */
#ifndef LOADER_HEAR_H
#define LOADER_HEAR_H
#include "loader_world.h"

enum { LONG_MS = 20000 };

struct told { /* by the loader's Reports since it was started last */
	int reports, firsts;
	bool first_is_over;
	char database[64];
	uint64_t complete_run, highest_run, highest_number, generation;
	int64_t complete_started_at, complete_full_at, complete_kb_at;
	int64_t positions[TOPIC_COUNT][PARTITIONS]; /* -1: not told */
	struct ids known, detected, owed, ignored, qids;
	char stale[512]; /* "7/1.2/3 " for each, in order */
	char publish_error[512];
};
extern struct told told;
void told_forget(void);

/* Reports, until `until` says so, or for so long. */
bool listen_for(bool (*until)(void), int most_ms);
void await_loaded(void);                      /* all that was sent, by the loader's own Reports */
void await_report(void);                      /* one more */
void await_first(void);                       /* the last piece of one more first Report */
void await_stale(const char *text);           /* that these are all that were told since the start */
void expect_silence(int ms);                  /* no Report */
void await_complete(uint64_t run);            /* that it is told to be complete */
void expect_no_publishing(void);              /* for a while */
void await_value(const char *sql, int64_t n); /* until the database says so */
#endif
