/* loader_first.c -- the first Report: all that the database holds, as ranges, in pieces that fit into messages.
 *
 * A host that is marked counts as known, with detections and with a row that is owed, also where it has none here: something in the
 * topic says otherwise. So it gets a message in any case, be it a purge or an empty set, and the mark ends. A QID that is
 * marked is left out, and while one is whose row is here the KnowledgeBase is never complete: so all of it is taken. What is new is sent before the piece that ends it. */
#include <stdlib.h>
#include "db.h"
#include "loader_report.h"
#include "xalloc.h"

enum { RANGES_MOST = 12000, QIDS_MOST = 40000 };

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
	loader_report_send(f->l, &r);
	f->n[KNOWN] = f->n[DETECTED] = f->n[OWED] = f->n_qids = 0;
}

static void add_id(struct first *f, enum list to, uint64_t id)
{
	size_t n = f->n[to];

	if (n && (id == f->v[to][n - 1].last || id == f->v[to][n - 1].last + 1)) {
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
	/* A compound's ORDER BY merges what each part has in order: nothing is sorted. */
	sqlite3_stmt *s = db_prepare(f->l->db,
	    "SELECT id, detected, NOT listed FROM qidflow_host WHERE listed OR detected"
	    " UNION ALL SELECT id, 1, NOT EXISTS (SELECT 1 FROM qidflow_host AS h WHERE h.id = i.id AND "
	    "h.listed)"
	    " FROM qidflow_ignored AS i"
	    " UNION ALL SELECT id, 0, 1 FROM qidflow_ignored_row WHERE topic = 'hosts' ORDER BY 1");
	int row = s ? 1 : -1;

	while (row == 1 && (row = db_row(f->l->db, s)) == 1) {
		uint64_t id = (uint64_t)sqlite3_column_int64(s, 0);

		add_id(f, KNOWN, id);
		if (sqlite3_column_int(s, 1))
			add_id(f, DETECTED, id);
		if (sqlite3_column_int(s, 2)) /* its row of Host List was lost, or is not the topic's last */
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
	sqlite3_stmt *s = db_prepare(f->l->db,
	    "SELECT QID FROM Q_KnowledgeBase INDEXED BY knowledgebase_by_set WHERE QID BETWEEN 0 AND "
	    "4294967295 AND QID NOT IN"
	    " (SELECT id FROM qidflow_ignored_row WHERE topic = 'vulnerabilities') ORDER BY QID");
	int row = s ? 1 : -1;

	while (row == 1 && (row = db_row(f->l->db, s)) == 1) {
		if (f->n_qids == QIDS_MOST)
			send_piece(f);
		f->qids[f->n_qids++] = (uint32_t)sqlite3_column_int64(s, 0);
	}
	return row == 0;
}

bool loader_first(struct loader *l)
{
	struct first *f = xcalloc(1, sizeof(*f));
	Qidflow__V1__Report last = QIDFLOW__V1__REPORT__INIT, before = QIDFLOW__V1__REPORT__INIT;

	f->l = l;
	bool ok = add_hosts(f) && add_owed(f) && add_qids(f);
	if (ok) {
		fill(f, &last);
		before.has_first = before.first = before.has_known_more = before.known_more = 1;
		loader_report_new(l, &before, &last);
	}
	free(f);
	return ok;
}
