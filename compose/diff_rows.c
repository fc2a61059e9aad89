/* diff_rows.c -- `qidflow diff --format csv|json`: a row for each change, by the sinks that write the lists of a snapshot, so
 * that NULL, quotes and numbers are as there. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "ceilings.h"
#include "diff_about.h"
#include "diff_show.h"
#include "log.h"
#include "sink.h"
#include "xalloc.h"

enum { PIECE = 64 * 1024, ROW_MOST = 2 * CEILING_VALUE_BYTES, DIGITS = 24 };

enum column {
	KIND,
	HOST_ID,
	IP,
	DNS,
	QID,
	TITLE,
	SEVERITY_BEFORE,
	SEVERITY,
	QDS_BEFORE,
	QDS,
	STATUS_BEFORE,
	STATUS,
	TYPE,
	PORT,
	PROTOCOL,
	FIRST_FOUND,
	DETECTION_KEY,
	BY,
	COLUMNS
};

static const char *const names[COLUMNS] = {"kind", "host_id", "ip", "dns", "qid", "title", "severity_before",
    "severity", "qds_before", "qds", "status_before", "status", "type", "port", "protocol", "first_found",
    "detection_key", ""};

struct diff_rows {
	const struct sink_ops *ops;
	struct sink_list list;
	struct sink_value values[COLUMNS];
	char digits[COLUMNS][DIGITS];
	struct buffer text;
};

struct diff_rows *diff_rows_open(const struct sink_ops *ops, const char *by, bool guard)
{
	struct diff_rows *r = xcalloc(1, sizeof(*r));

	r->ops = ops;
	r->list.guard = guard;
	buffer_open(&r->text, ROW_MOST);
	for (int i = 0; i < BY; i++)
		sink_add_column(&r->list, names[i], false);
	if (by)
		sink_add_column(&r->list, by, false);
	if (!ops->head(&r->list, &r->text))
		abort(); /* some hundred bytes */
	return r;
}

/* ---- values */

static void put_text(struct diff_rows *r, enum column i, const char *text)
{
	if (text)
		r->values[i] = (struct sink_value){SINK_TEXT, strlen(text), text};
}

static void put_any_number(struct diff_rows *r, enum column i, int64_t n)
{
	int len = snprintf(r->digits[i], DIGITS, "%" PRId64, n);

	r->values[i] = (struct sink_value){SINK_NUMBER, (size_t)len, r->digits[i]};
}

static void put_number(struct diff_rows *r, enum column i, int64_t n)
{
	if (n != DIFF_NONE)
		put_any_number(r, i, n);
}

static void put_detection(struct diff_rows *r, const struct diff_change *c)
{
	const struct diff_detection *d = c->after.there ? &c->after : &c->before;

	put_number(r, QID, d->qid);
	put_text(r, TYPE, d->type);
	put_number(r, PORT, d->port);
	put_text(r, PROTOCOL, d->protocol);
	put_text(r, FIRST_FOUND, d->first_found);
	put_any_number(r, DETECTION_KEY, d->key);
	if (c->before.there) {
		put_number(r, SEVERITY_BEFORE, c->before.severity);
		put_number(r, QDS_BEFORE, c->before.qds);
		put_text(r, STATUS_BEFORE, c->before.status);
	}
	if (c->after.there) {
		put_number(r, SEVERITY, c->after.severity);
		put_number(r, QDS, c->after.qds);
		put_text(r, STATUS, c->after.status);
	}
}

/* ---- to stdout */

static bool flush(struct diff_rows *r)
{
	size_t wrote = fwrite(r->text.data, 1, r->text.size, stdout);

	if (wrote != r->text.size || fflush(stdout) != 0)
		return fail("cannot write the changes: %s", strerror(errno));
	buffer_clear(&r->text);
	return true;
}

bool diff_rows_add(struct diff_rows *r, const struct diff_change *c, const struct diff_about_row *about)
{
	for (int i = 0; i < COLUMNS; i++)
		r->values[i] = (struct sink_value){SINK_NULL, 0, ""};
	put_text(r, KIND, diff_names[c->kind]);
	put_any_number(r, HOST_ID, c->host);
	put_text(r, IP, about->ip);
	put_text(r, DNS, about->dns);
	put_text(r, TITLE, about->title);
	put_text(r, BY, about->by);
	if (c->before.there || c->after.there)
		put_detection(r, c);
	if (!r->ops->row(&r->list, r->values, &r->text))
		return fail("a row is longer than %d bytes", ROW_MOST);
	return r->text.size < PIECE || flush(r);
}

bool diff_rows_close(struct diff_rows *r, bool ok)
{
	ok = ok && flush(r);
	buffer_close(&r->text);
	free(r);
	return ok;
}
