/* diff.h -- what changed from one snapshot to another: a merge of two readers in the order of (host, detection_key).
 *
 * What counts is every detection whose TYPE is not Info; it is open while its STATUS is not Fixed. Each detection is of one of
 * the first six kinds, or of none where it is as open, or as little open, as it was; one that is open in both can be of
 * DIFF_SEVERITY and DIFF_QDS, or both. So the open ones balance, in all and for each severity:
 *   before + new + reopened + came with host - fixed - gone - went with host + net of the severities = after
 * A host is in a snapshot where any of its three tables of hosts and detections names it. Memory does not grow with the
 * size of the snapshots. */
#ifndef DIFF_H
#define DIFF_H
#include <stdbool.h>
#include <stdint.h>

struct db;

enum diff_kind {
	DIFF_NEW,            /* was not there; its host was */
	DIFF_REOPENED,       /* was Fixed */
	DIFF_CAME_WITH_HOST, /* was not there, nor was its host */
	DIFF_FIXED,          /* was open, is Fixed */
	DIFF_GONE,           /* was open, is not there; its host is */
	DIFF_WENT_WITH_HOST, /* was open, is not there, nor is its host */
	DIFF_SEVERITY,       /* open in both, with another severity; NULL is one, too */
	DIFF_QDS,            /* the same of its QDS */
	DIFF_HOST_CAME,
	DIFF_HOST_GONE,
	DIFF_KINDS
};
extern const char *const diff_names[DIFF_KINDS]; /* "new", "came_with_host", … */

enum { DIFF_NONE = -1, DIFF_SEVERITIES = 6 /* 0: none, or none that Qualys knows */ };
struct diff_detection {
	bool there, open;
	int64_t key, qid, severity, qds, port;              /* DIFF_NONE: NULL */
	const char *status, *type, *protocol, *first_found; /* NULL; good during the call that gets it */
};

struct diff_change {
	enum diff_kind kind;
	int64_t host;
	struct diff_detection before, after; /* neither is there where the kind is of a host */
};
typedef bool diff_change_fn(void *arg, const struct diff_change *c); /* false: logged; ends it */

struct diff_sums {
	int64_t n[DIFF_KINDS]
		 [DIFF_SEVERITIES]; /* by the severity now, or, of what is not open now, that of before */
	int64_t before[DIFF_SEVERITIES], after[DIFF_SEVERITIES]; /* open */
	int64_t net[DIFF_SEVERITIES]; /* of DIFF_SEVERITY: came to it less went from it */
	int64_t hosts_before, hosts_after, qds_higher, qds_lower;
};
int64_t diff_total(const int64_t of[static DIFF_SEVERITIES]);

/* fn is called in the order of hosts and keys, a host's own change last; NULL: sums alone. false: logged, or stop was requested. */
bool diff_run(struct db *before, struct db *after, diff_change_fn *fn, void *arg, struct diff_sums *ret_sums);
/* Has it the index that a merge needs? A snapshot has, a working database has not. false: logged. */
bool diff_can_read(struct db *d, bool *ret_can);
#endif
