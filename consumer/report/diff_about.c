/* diff_about.c -- a host's lines of `vulnerabilities`, each QID once, for who tells of its changes. */
#include "diff_about.h"
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "db.h"
#include "diff.h"
#include "report_columns.h"
#include "xalloc.h"

struct line {
	int64_t qid;
	size_t at; /* among those of the host */
	const char *title, *by;
};

/* One of the two snapshots. */
struct reader {
	struct db *db;
	sqlite3_stmt *of_host;
	struct arena *texts;
	bool any; /* `host` is what is held */
	int64_t host;
	const char *ip, *dns;
	struct line *lines;
	size_t n, room;
};

struct diff_about {
	struct reader before, after;
};

/* ---- a snapshot */

static bool open_reader(struct reader *r, struct db *d, const char *by, bool names)
{
	bool has = false;

	r->db = d;
	r->texts = arena_open();
	if (by && !report_columns_has(d, by, &has))
		return false;
	char *sql = sqlite3_mprintf("SELECT qid, %s, %s\"%w\" FROM vulnerabilities WHERE host_id = ?1",
	    names ? "ip, dns, title" : "NULL, NULL, NULL", has ? "" : "NULL AS ", has ? by : "none");
	if (!sql)
		abort(); /* out of memory */
	r->of_host = db_prepare(d, sql);
	sqlite3_free(sql);
	return r->of_host != NULL;
}

static void close_reader(struct reader *r)
{
	sqlite3_reset(r->of_host);
	arena_close(r->texts);
	free(r->lines);
}

static const char *keep(struct reader *r, int i)
{
	const char *text = (const char *)sqlite3_column_text(r->of_host, i);

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
	r->lines[r->n] = (struct line){sqlite3_column_int64(r->of_host, 0), r->n, keep(r, 3), keep(r, 4)};
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

static bool read_host(struct reader *r, int64_t host)
{
	int row;

	r->any = false;
	r->n = 0;
	r->ip = r->dns = NULL;
	arena_reset(r->texts);
	sqlite3_bind_int64(r->of_host, 1, host);
	while ((row = db_row(r->db, r->of_host)) == 1) {
		if (!r->n) {
			r->ip = keep(r, 1);
			r->dns = keep(r, 2);
		}
		add_line(r);
	}
	if (r->n)
		sort_lines(r);
	r->any = row == 0;
	r->host = host;
	return row == 0;
}

/* ---- both */

struct diff_about *diff_about_open(struct db *before, struct db *after, const char *by, bool names)
{
	struct diff_about *a = xcalloc(1, sizeof(*a));

	if (open_reader(&a->before, before, by, names) && open_reader(&a->after, after, by, names))
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
	const struct line *l = NULL;
	if (r->n && of_host)
		l = &r->lines[0]; /* whichever: what depends on the host is the same on all */
	else if (r->n)
		l = bsearch(&wanted, r->lines, r->n, sizeof(*r->lines), by_qid);
	*ret = (struct diff_about_row){r->ip, r->dns, l && !of_host ? l->title : NULL, l ? l->by : NULL};
	return true;
}
