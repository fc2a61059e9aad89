/* loader_report.c -- what the loader tells the coordinator, always after it is committed.
 *
 * The first Report says all that the database holds, as ranges, in pieces that fit into messages. Later ones say what is
 * new. One that could not be delivered is made good by telling everything that may have been in it again. */
#include "loader_report.h"
#include <stdlib.h>
#include "db.h"
#include "delivery.h"
#include "record.h"
#include "xalloc.h"

enum { RANGES_MOST = 12000, QIDS_MOST = 40000, IGNORED_MOST = 30000, ENDS_MOST = 1000 };

static const enum topic topics[] = {TOPIC_RUNS, TOPIC_HOSTS, TOPIC_VULNERABILITIES, TOPIC_DETECTIONS};

/* false: stopped, and the next poll says so. */
static bool send(struct loader *l, Qidflow__V1__Report *r)
{
	struct message m = {.topic = TOPIC_REPORTS, .partition = 0};

	r->kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	r->sender = l->sender;
	r->database = l->database;
	r->has_complete_run = r->has_complete_started_at = r->has_complete_full_at = r->has_complete_kb_at =
	    1;
	r->complete_run = l->last.run;
	r->complete_started_at = l->last.started_at;
	r->complete_full_at = l->last.full_at;
	r->complete_kb_at = l->last.kb_at;
	r->has_highest_run = r->has_highest_number = 1;
	r->highest_run = l->highest_run;
	r->highest_number = l->highest_number;
	m.value = record_pack(&r->base, &m.size);
	return transport_send(l->t, &m, l->reports);
}

/* ---- positions and marks */

struct ends {
	Qidflow__V1__End v[ENDS_MOST], *pointers[ENDS_MOST];
	size_t n;
};

/* Those that moved since they were told last, as many as fit. */
static void take_positions(struct loader *l, struct ends *e)
{
	e->n = 0;
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		for (int32_t p = 0; p < l->partitions[topics[i]] && e->n < ENDS_MOST; p++) {
			struct loader_position *at = &l->positions[topics[i]][p];

			if (at->told == at->stored)
				continue;
			at->told = at->stored;
			qidflow__v1__end__init(&e->v[e->n]);
			e->v[e->n].topic = (char *)(uintptr_t)topic_name(topics[i]);
			e->v[e->n].partition = p;
			e->v[e->n].offset = at->stored;
			e->pointers[e->n] = &e->v[e->n];
			e->n++;
		}
}

static bool read_marks(struct loader *l)
{
	sqlite3_stmt *s = db_prepare(l->db, "SELECT id FROM qidflow_ignored ORDER BY id");
	int row = s ? 1 : -1;

	l->n_ignored = 0;
	while (row == 1 && (row = db_row(l->db, s)) == 1) {
		if (l->n_ignored == l->ignored_room) {
			l->ignored_room = l->ignored_room ? 2 * l->ignored_room : 64;
			l->ignored = xrealloc(l->ignored, l->ignored_room * sizeof(*l->ignored));
		}
		l->ignored[l->n_ignored++] = (uint64_t)sqlite3_column_int64(s, 0);
	}
	return row == 0;
}

/* What is new, in Reports that are else like this one. */
static void send_new(struct loader *l, const Qidflow__V1__Report *like)
{
	struct ends *e = xmalloc(sizeof(*e));
	size_t told = 0;
	bool sent;

	do {
		Qidflow__V1__Report r = *like;

		take_positions(l, e);
		r.positions = e->pointers;
		r.n_positions = e->n;
		r.ignored = l->ignored ? l->ignored + told : NULL;
		r.n_ignored = l->n_ignored - told < IGNORED_MOST ? l->n_ignored - told : IGNORED_MOST;
		told += r.n_ignored;
		sent = send(l, &r);
	} while (sent && (told < l->n_ignored || e->n == ENDS_MOST));
	l->n_ignored = 0;
	free(e);
}

static bool anything_new(const struct loader *l)
{
	if (l->tell || l->n_ignored)
		return true;
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			if (l->positions[topics[i]][p].told != l->positions[topics[i]][p].stored)
				return true;
	return false;
}

/* Some Report was lost on its way: all that it may have said is new once more. */
static void tell_again(struct loader *l)
{
	delivery_wait(l->reports);
	delivery_clear(l->reports);
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			l->positions[topics[i]][p].told = -1;
	read_marks(l); /* where it fails it is logged, and the next commit fails too */
}

void loader_report(struct loader *l)
{
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;

	if (delivery_look(l->reports) == DELIVERY_FAILED)
		tell_again(l);
	if (!anything_new(l))
		return;
	l->tell = false;
	send_new(l, &r);
}

/* ---- the first */

enum list { KNOWN, DETECTED, OWED, LISTS };

struct first {
	struct loader *l;
	Qidflow__V1__IdRange v[LISTS][RANGES_MOST], *pointers[LISTS][RANGES_MOST];
	size_t n[LISTS];
	uint32_t qids[QIDS_MOST];
	size_t n_qids;
};

static void fill(struct first *f, Qidflow__V1__Report *r)
{
	r->has_first = r->first = 1;
	r->known = f->pointers[KNOWN];
	r->n_known = f->n[KNOWN];
	r->known_detected = f->pointers[DETECTED];
	r->n_known_detected = f->n[DETECTED];
	r->owed = f->pointers[OWED];
	r->n_owed = f->n[OWED];
	r->known_qids = f->qids;
	r->n_known_qids = f->n_qids;
}

static void send_piece(struct first *f)
{
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;

	fill(f, &r);
	r.has_known_more = r.known_more = 1;
	send(f->l, &r);
	f->n[KNOWN] = f->n[DETECTED] = f->n[OWED] = f->n_qids = 0;
}

static void add_id(struct first *f, enum list to, uint64_t id)
{
	size_t n = f->n[to];

	if (n && f->v[to][n - 1].last + 1 == id) {
		f->v[to][n - 1].last = id;
		return;
	}
	if (f->n[KNOWN] + f->n[DETECTED] + f->n[OWED] == RANGES_MOST) {
		send_piece(f);
		n = 0;
	}
	qidflow__v1__id_range__init(&f->v[to][n]);
	f->v[to][n].first = f->v[to][n].last = id;
	f->pointers[to][n] = &f->v[to][n];
	f->n[to] = n + 1;
}

static bool add_hosts(struct first *f)
{
	sqlite3_stmt *s = db_prepare(
	    f->l->db, "SELECT id, detected, listed FROM qidflow_host WHERE listed OR detected ORDER BY id");
	int row = s ? 1 : -1;

	while (row == 1 && (row = db_row(f->l->db, s)) == 1) {
		uint64_t id = (uint64_t)sqlite3_column_int64(s, 0);

		add_id(f, KNOWN, id);
		if (sqlite3_column_int(s, 1))
			add_id(f, DETECTED, id);
		if (!sqlite3_column_int(s, 2)) /* its row of Host List was lost in a queue */
			add_id(f, OWED, id);
	}
	return row == 0;
}

/* Those of the last run, and of a newer one that was stopped while it was published. */
static bool add_owed(struct first *f)
{
	sqlite3_stmt *s = db_prepare(f->l->db, "SELECT DISTINCT host FROM qidflow_dead_letter ORDER BY host");
	int row = s ? 1 : -1;

	while (row == 1 && (row = db_row(f->l->db, s)) == 1)
		add_id(f, OWED, (uint64_t)sqlite3_column_int64(s, 0));
	return row == 0;
}

static bool add_qids(struct first *f)
{
	sqlite3_stmt *s = db_prepare(
	    f->l->db, "SELECT QID FROM Q_KnowledgeBase WHERE QID BETWEEN 0 AND 4294967295 ORDER BY QID");
	int row = s ? 1 : -1;

	while (row == 1 && (row = db_row(f->l->db, s)) == 1) {
		if (f->n_qids == QIDS_MOST)
			send_piece(f);
		f->qids[f->n_qids++] = (uint32_t)sqlite3_column_int64(s, 0);
	}
	return row == 0;
}

bool loader_report_first(struct loader *l)
{
	struct first *f = xcalloc(1, sizeof(*f));
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;

	f->l = l;
	bool ok = run_table_last(l->db, &l->last) && add_hosts(f) && add_owed(f) && read_marks(l);
	ok = ok && add_qids(f);
	if (ok) {
		fill(f, &r);
		send_new(l, &r);
	}
	free(f);
	return ok;
}
