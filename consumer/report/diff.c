/* diff.c -- the merge of two snapshots, host by host, and which kind of change each detection is. */
#include "diff.h"
#include <stddef.h>
#include "diff_side.h"
#include "stop.h"

enum { LOOK_EVERY = 4096 };

const char *const diff_names[DIFF_KINDS] = {
    [DIFF_NEW] = "new",
    [DIFF_REOPENED] = "reopened",
    [DIFF_CAME_WITH_HOST] = "came_with_host",
    [DIFF_FIXED] = "fixed",
    [DIFF_GONE] = "gone",
    [DIFF_WENT_WITH_HOST] = "went_with_host",
    [DIFF_SEVERITY] = "severity",
    [DIFF_QDS] = "qds",
    [DIFF_HOST_CAME] = "host_came",
    [DIFF_HOST_GONE] = "host_gone",
};

struct diff {
	struct diff_side a, b;
	diff_change_fn *fn;
	void *arg;
	struct diff_sums sums;
	uint64_t seen;
	int64_t host;
	bool in_a, in_b;
};

int64_t diff_total(const int64_t of[static DIFF_SEVERITIES])
{
	int64_t total = 0;

	for (int i = 0; i < DIFF_SEVERITIES; i++)
		total += of[i];
	return total;
}

static int severity_of(const struct diff_detection *d)
{
	return d->severity > 0 && d->severity < DIFF_SEVERITIES ? (int)d->severity : 0;
}

static bool tell(struct diff *x, enum diff_kind kind, const struct diff_detection *before,
    const struct diff_detection *after)
{
	const struct diff_change c = {kind, x->host, *before, *after};

	x->sums.n[kind][severity_of(after->open ? after : before)]++;
	return !x->fn || x->fn(x->arg, &c);
}

static void count_open(
    struct diff *x, const struct diff_detection *before, const struct diff_detection *after)
{
	if (before->open)
		x->sums.before[severity_of(before)]++;
	if (after->open)
		x->sums.after[severity_of(after)]++;
}

/* Open in both. */
static bool tell_scores(
    struct diff *x, const struct diff_detection *before, const struct diff_detection *after)
{
	if (before->severity != after->severity) {
		x->sums.net[severity_of(before)]--;
		x->sums.net[severity_of(after)]++;
		if (!tell(x, DIFF_SEVERITY, before, after))
			return false;
	}
	if (before->qds == after->qds)
		return true;
	x->sums.qds_higher += after->qds > before->qds;
	x->sums.qds_lower += after->qds < before->qds;
	return tell(x, DIFF_QDS, before, after);
}

static bool compare(struct diff *x, const struct diff_detection *before, const struct diff_detection *after)
{
	count_open(x, before, after);
	if (before->open && after->open)
		return tell_scores(x, before, after);
	if (before->open && after->there)
		return tell(x, DIFF_FIXED, before, after);
	if (before->open)
		return tell(x, x->in_b ? DIFF_GONE : DIFF_WENT_WITH_HOST, before, after);
	if (after->open && before->there)
		return tell(x, DIFF_REOPENED, before, after);
	if (after->open)
		return tell(x, x->in_a ? DIFF_NEW : DIFF_CAME_WITH_HOST, before, after);
	return true;
}

static bool is_at(const struct diff_side *s, int64_t host)
{
	return s->has_detection && s->host_of_detection == host;
}

static bool merge_detections(struct diff *x)
{
	static const struct diff_detection none = {.key = 0, .severity = DIFF_NONE, .qds = DIFF_NONE};
	struct diff_side *a = &x->a, *b = &x->b;

	for (;;) {
		bool at_a = is_at(a, x->host), at_b = is_at(b, x->host);

		if (!at_a && !at_b)
			return true;
		bool take_a = at_a && (!at_b || a->detection.key <= b->detection.key);
		bool take_b = at_b && (!at_a || b->detection.key <= a->detection.key);
		if (++x->seen % LOOK_EVERY == 0 && stop_requested())
			return false;
		if (!compare(x, take_a ? &a->detection : &none, take_b ? &b->detection : &none) ||
		    (take_a && !diff_side_next_detection(a)) || (take_b && !diff_side_next_detection(b)))
			return false;
	}
}

/* The next host that it names. false: no more. */
static bool next_of(const struct diff_side *s, int64_t *ret_host)
{
	if (!s->has_host && !s->has_detection)
		return false;
	*ret_host = !s->has_detection || (s->has_host && s->host < s->host_of_detection)
			? s->host
			: s->host_of_detection;
	return true;
}

static bool next_host(struct diff *x)
{
	int64_t a = 0, b = 0;

	x->in_a = next_of(&x->a, &a);
	x->in_b = next_of(&x->b, &b);
	if (!x->in_a && !x->in_b)
		return false;
	x->host = x->in_a && (!x->in_b || a < b) ? a : b;
	x->in_a = x->in_a && a == x->host;
	x->in_b = x->in_b && b == x->host;
	return true;
}

static bool leave_host(struct diff *x)
{
	static const struct diff_detection none = {.severity = DIFF_NONE, .qds = DIFF_NONE};

	x->sums.hosts_before += x->in_a;
	x->sums.hosts_after += x->in_b;
	if (x->in_a != x->in_b && !tell(x, x->in_b ? DIFF_HOST_CAME : DIFF_HOST_GONE, &none, &none))
		return false;
	return (!x->a.has_host || x->a.host != x->host || diff_side_next_host(&x->a)) &&
	       (!x->b.has_host || x->b.host != x->host || diff_side_next_host(&x->b));
}

bool diff_run(struct db *before, struct db *after, diff_change_fn *fn, void *arg, struct diff_sums *ret_sums)
{
	struct diff x = {.fn = fn, .arg = arg};
	bool ok = diff_side_open(&x.a, before) && diff_side_open(&x.b, after);

	while (ok && next_host(&x))
		ok = merge_detections(&x) && leave_host(&x);
	diff_side_close(&x.a);
	diff_side_close(&x.b);
	if (ok)
		*ret_sums = x.sums;
	return ok;
}
