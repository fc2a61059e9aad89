/* status_read.h -- what DATA's two databases say of the runs, read without disturbing one that is going on. */
#ifndef STATUS_READ_H
#define STATUS_READ_H
#include <stdbool.h>
#include "status_cluster.h"
#include "status_enrich.h"

enum {
	STATUS_RUNS = 10,
	STATUS_STATES = 8,
	STATUS_TIME = 32,
	STATUS_WORD = 16,
	STATUS_ERROR = 256,
	STATUS_TABLES = 4
};

struct status_run {
	int64_t run;
	char state[STATUS_WORD]; /* RUNNING, LOADING, INTERRUPTED, COMPLETE, FAILED, ABANDONED */
	bool full;
	char started_at[STATUS_TIME], window_start[STATUS_TIME], ended_at[STATUS_TIME]; /* "": not told */
	char error[STATUS_ERROR], published[64];
	bool has_counts;
	int64_t asked, came, empty, emptied, purged, dead, held_back, detections, vulnerabilities, xml_bytes,
	    calls, waits_ms;
};

struct status_batches { /* of the run that is not complete */
	char state[STATUS_WORD];
	int64_t batches, hosts;
};

struct status_letter {
	int64_t host, run, attempts, http_status;
	bool held_back;
	char *error;
};

struct status {
	char *database, *progress, *snapshot; /* paths; NULL: there is none */
	int64_t database_bytes;
	int64_t pid; /* of the run that is going on; 0: none is */
	char since[STATUS_TIME];
	struct status_run runs[STATUS_RUNS]; /* newest first */
	size_t n_runs;
	struct status_batches batches[STATUS_STATES];
	size_t n_batches;
	int64_t tables[STATUS_TABLES]; /* rows, by enum table_id */
	struct status_letter *letters;
	size_t n_letters, n_targets;
	struct status_enrich enrich;
	char as_of[STATUS_TIME]; /* start of the last complete run, by the API's clock; "": there is none */
	int64_t age_s;
	struct status_cluster cluster; /* of progress.db; lags are asked for apart */
	struct status_target *targets; /* status_distribute.h; asked for apart */
};

bool status_read(const char *data, struct status *ret); /* false: logged */
void status_close(struct status *s);
#endif
