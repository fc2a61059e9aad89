/* diff_about.c -- a host, and its lines of `vulnerabilities`, each QID once, for who tells of its changes.
 *
 * A host without detections has no line there: what is known of it stands in the tables of hosts and of enrichment. */
#include "diff_about.h"
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "buffer.h"
#include "db.h"
#include "diff.h"
#include "enrich_list.h"
#include "report_columns.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 16 };

struct line {
	int64_t qid;
	size_t at; /* among those of the host */
	const char *title, *by;
};

/* One of the two snapshots. */
struct reader {
	struct db *db;
	sqlite3_stmt *itself, *in_view;
	struct arena *texts;
	bool any; /* `host` is what is held */
	int64_t host;
	bool by_host; /* the column is a host's own, also of one without lines */
	const char *ip, *dns, *by;
	struct line *lines;
	size_t n, room;
};

struct diff_about {
	struct reader before, after;
};

/* ---- a snapshot */

/* ip, dns, and the column, where it is one that enrichment has of hosts. */
static bool prepare_itself(struct reader *r, const char *by)
{
	struct enrich_list *l = enrich_list_read(r->db);
	const struct enrich_column *c = l && by ? enrich_list_find(l, by) : NULL;
	struct buffer sql;

	if (!l)
		return false;
	buffer_open(&sql, SQL_MOST);
	buffer_add_text(&sql, "SELECT coalesce(h.\"IP\", l.\"IP\"), coalesce(h.\"DNS\", l.\"DNS\"), ");
	r->by_host = c && enrich_list_is_of_host(l, c);
	if (r->by_host)
		enrich_list_add_reference(l, c, NULL, NULL, &sql);
	else
		buffer_add_text(&sql, "NULL");
	buffer_add_text(&sql, " FROM (SELECT ?1 AS id) AS i"
			      " LEFT JOIN \"Q_Host_List_Detection_HOSTS\" AS h ON h.\"ID\" = i.id"
			      " LEFT JOIN \"Q_Host_List\" AS l ON l.\"ID\" = i.id");
	enrich_list_add_joins(l, OF_HOST, "i.id", NULL, &sql);
	r->itself = db_prepare(r->db, buffer_text(&sql));
	buffer_close(&sql);
	free(l);
	return r->itself != NULL;
}

static bool prepare_in_view(struct reader *r, const char *by, bool titles)
{
	bool has = false;

	if (by && !report_columns_has(r->db, by, &has))
		return false;
	char *sql = sqlite3_mprintf("SELECT qid, %s, %s\"%w\" FROM vulnerabilities WHERE host_id = ?1",
	    titles ? "title" : "NULL", has ? "" : "NULL AS ", has ? by : "none");
	if (!sql)
		abort(); /* out of memory */
	r->in_view = db_prepare(r->db, sql);
	sqlite3_free(sql);
	return r->in_view != NULL;
}

static bool open_reader(struct reader *r, struct db *d, const char *by, bool titles)
{
	r->db = d;
	r->texts = arena_open();
	return prepare_itself(r, by) && prepare_in_view(r, by, titles);
}

static void close_reader(struct reader *r)
{
	sqlite3_reset(r->itself);
	sqlite3_reset(r->in_view);
	arena_close(r->texts);
	free(r->lines);
}

static const char *keep(struct reader *r, sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	return text ? arena_strndup(r->texts, text, strlen(text)) : NULL;
}

static int by_qid(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->qid > y->qid) - (x->qid < y->qid);
}

static int by_qid_and_place(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = by_qid(a, b);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static void add_line(struct reader *r)
{
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 128;
		r->lines = xrealloc(r->lines, r->room * sizeof(*r->lines));
	}
	r->lines[r->n] = (struct line){
	    sqlite3_column_int64(r->in_view, 0), r->n, keep(r, r->in_view, 1), keep(r, r->in_view, 2)};
	r->n++;
}

/* Of each QID the first one is kept. */
static void sort_lines(struct reader *r)
{
	size_t kept = 1;

	qsort(r->lines, r->n, sizeof(*r->lines), by_qid_and_place);
	for (size_t i = 1; i < r->n; i++)
		if (r->lines[i].qid != r->lines[kept - 1].qid)
			r->lines[kept++] = r->lines[i];
	r->n = kept;
}

static bool read_itself(struct reader *r, int64_t host)
{
	sqlite3_bind_int64(r->itself, 1, host);
	if (db_row(r->db, r->itself) != 1)
		return false;
	r->ip = keep(r, r->itself, 0);
	r->dns = keep(r, r->itself, 1);
	r->by = keep(r, r->itself, 2);
	sqlite3_reset(r->itself);
	return true;
}

static bool read_host(struct reader *r, int64_t host)
{
	int row;

	r->any = false;
	r->n = 0;
	arena_reset(r->texts);
	if (!read_itself(r, host))
		return false;
	sqlite3_bind_int64(r->in_view, 1, host);
	while ((row = db_row(r->db, r->in_view)) == 1)
		add_line(r);
	if (r->n)
		sort_lines(r);
	if (!r->by_host && r->n)
		r->by = r->lines[0].by;
	r->any = row == 0;
	r->host = host;
	return row == 0;
}

/* ---- both */

struct diff_about *diff_about_open(struct db *before, struct db *after, const char *by, bool titles)
{
	struct diff_about *a = xcalloc(1, sizeof(*a));

	if (open_reader(&a->before, before, by, titles) && open_reader(&a->after, after, by, titles))
		return a;
	diff_about_close(a);
	return NULL;
}

void diff_about_close(struct diff_about *a)
{
	if (!a)
		return;
	close_reader(&a->before);
	close_reader(&a->after);
	free(a);
}

static bool is_there_now(const struct diff_change *c)
{
	return c->after.there || c->kind == DIFF_HOST_CAME;
}

bool diff_about_find(struct diff_about *a, const struct diff_change *c, struct diff_about_row *ret)
{
	struct reader *r = is_there_now(c) ? &a->after : &a->before;
	const struct line wanted = {.qid = c->after.there ? c->after.qid : c->before.qid};
	bool of_host = c->kind == DIFF_HOST_CAME || c->kind == DIFF_HOST_GONE;

	if ((!r->any || r->host != c->host) && !read_host(r, c->host))
		return false;
	*ret = (struct diff_about_row){r->ip, r->dns, NULL, of_host ? r->by : NULL};
	const struct line *l =
	    of_host || !r->n ? NULL : bsearch(&wanted, r->lines, r->n, sizeof(*r->lines), by_qid);
	if (l) {
		ret->title = l->title;
		ret->by = l->by;
	}
	return true;
}
