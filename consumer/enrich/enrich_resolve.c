/* enrich_resolve.c -- from a source's rows to a value for each host, or QID: qidflow_enriched_NAME.
 *
 * Once for all readers, since a join by the longest network is nothing that a view can do. All keys that a host is found by
 * are looked up in the source's index: memory does not grow with hosts or rows, but for a bit a row. What was there already
 * and is the same is not written, so a run costs what changed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "db.h"
#include "enrich_inside.h"
#include "log.h"
#include "stop.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 16, LOOK_EVERY = 4096, FINGERPRINT = 128 };

struct resolve {
	struct enrich *e;
	struct enrich_source source;
	struct enrich_column columns[ENRICH_ALL_COLUMNS];
	struct enrich_lengths lengths;
	sqlite3_stmt *find, *put;
	int64_t id, line;    /* in hand; the lowest line that was found, INT64_MAX: none */
	unsigned char *used; /* a bit for each line */
	int64_t lines, used_keys, matched, of;
};

/* ---- the source, as it was loaded */

static bool read_source(struct resolve *r, const char *name)
{
	sqlite3_stmt *s = db_prepare(r->e->db,
	    "SELECT e.match, e.several, json_extract(c.value, '$.name'), json_extract(c.value, '$.number')"
	    " FROM qidflow_enrich AS e, json_each(e.columns) AS c WHERE e.name = ?1 ORDER BY c.key");
	int row = -1;

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	snprintf(r->source.name, sizeof(r->source.name), "%s", name);
	while ((row = db_row(r->e->db, s)) == 1) {
		struct enrich_column *c = &r->columns[r->source.n];

		r->source.match = enrich_match_of((const char *)sqlite3_column_text(s, 0));
		r->source.several = (enum enrich_several)sqlite3_column_int(s, 1);
		snprintf(c->name, sizeof(c->name), "%s", (const char *)sqlite3_column_text(s, 2));
		c->is_number = sqlite3_column_int(s, 3) != 0;
		r->source.n++;
	}
	return row == 0;
}

static bool read_lengths(struct resolve *r)
{
	char sql[256];
	int row = 1;

	if (r->source.match != MATCH_NETWORK)
		return true;
	snprintf(sql, sizeof(sql),
	    "SELECT DISTINCT substr(key, instr(key, '/')) || iif(instr(key, ':'), ':', '') FROM "
	    "\"qidflow_enrich_%s\"",
	    r->source.name);
	sqlite3_stmt *s = db_prepare(r->e->db, sql);
	while (s && (row = db_row(r->e->db, s)) == 1)
		enrich_lengths_add(&r->lengths, (const char *)sqlite3_column_text(s, 0));
	return s && row == 0;
}

/* ---- who is asked: (id, value), or (id, value, another one where that finds nothing), by id */

#define HOSTS                                                                                                \
	" FROM (SELECT ID FROM Q_Host_List UNION SELECT ID FROM Q_Host_List_Detection_HOSTS) AS i"           \
	" LEFT JOIN Q_Host_List AS l ON l.ID = i.ID LEFT JOIN Q_Host_List_Detection_HOSTS AS h ON h.ID = "   \
	"i.ID"

static const char *const asked[MATCHES] = {
    [MATCH_HOST_ID] = ("SELECT i.ID, i.ID, NULL" HOSTS " ORDER BY 1"),
    [MATCH_ASSET_ID] = ("SELECT i.ID, coalesce(l.ASSET_ID, h.ASSET_ID), NULL" HOSTS " ORDER BY 1"),
    [MATCH_IP] = ("SELECT i.ID, coalesce(h.IP, l.IP), coalesce(h.IPV6, l.IPV6)" HOSTS " ORDER BY 1"),
    [MATCH_NETWORK] = ("SELECT i.ID, coalesce(h.IP, l.IP), coalesce(h.IPV6, l.IPV6)" HOSTS " ORDER BY 1"),
    [MATCH_DNS] = ("SELECT i.ID, coalesce(h.DNS, l.DNS), NULL" HOSTS " ORDER BY 1"),
    [MATCH_DNS_SUFFIX] = ("SELECT i.ID, coalesce(h.DNS, l.DNS), NULL" HOSTS " ORDER BY 1"),
    [MATCH_NETBIOS] = ("SELECT i.ID, coalesce(h.NETBIOS, l.NETBIOS), NULL" HOSTS " ORDER BY 1"),
    [MATCH_TAG] = ("SELECT i.ID, json_extract(t.value, '$.NAME'), NULL" HOSTS
		   " LEFT JOIN json_each(coalesce(l.TAGS, h.TAGS), '$.TAG') AS t ORDER BY 1"),
    [MATCH_ASSET_GROUP] = ("SELECT i.ID, l.ASSET_GROUP_IDS, NULL" HOSTS " ORDER BY 1"),
    [MATCH_QID] = ("SELECT QID, QID, NULL FROM Q_KnowledgeBase ORDER BY 1"),
    [MATCH_CVE] = ("SELECT k.QID, json_extract(c.value, '$.ID'), NULL FROM Q_KnowledgeBase AS k"
		   " LEFT JOIN json_each(k.CVE_LIST, '$.CVE') AS c ORDER BY 1"),
};

/* What tells that hosts, or the KnowledgeBase, are not what they were. The numbers of sets only grow. */
static bool read_fingerprint(struct resolve *r, char ret[static FINGERPRINT])
{
	static const char hosts[] =
	    "SELECT count(*) || ' ' || coalesce(max(number), 0) || ' ' || total(number)"
	    " || ' ' || coalesce(max(list_number), 0) || ' ' || total(list_number)"
	    " FROM qidflow_host",
			  qids[] = "SELECT count(*) || ' ' || coalesce(max(BATCH_NUMBER), 0) || ' ' ||"
				   " total(BATCH_NUMBER) FROM Q_KnowledgeBase";
	sqlite3_stmt *s = db_prepare(r->e->db, enrich_match_is_of_host(r->source.match) ? hosts : qids);

	if (!s || db_row(r->e->db, s) != 1)
		return false;
	snprintf(ret, FINGERPRINT, "%s", (const char *)sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	return true;
}

/* ---- rows that match */

static bool put(struct resolve *r, int64_t line)
{
	sqlite3_bind_int64(r->put, 1, r->id);
	sqlite3_bind_int64(r->put, 2, line);
	return db_step(r->e->db, r->put);
}

static void note_used(struct resolve *r, int64_t line)
{
	unsigned char *byte = &r->used[line / 8], bit = (unsigned char)(1 << line % 8);

	r->used_keys += (*byte & bit) == 0;
	*byte |= bit;
}

static int try_key(void *arg, const char *key)
{
	struct resolve *r = arg;
	int row, found = 0;

	sqlite3_bind_text(r->find, 1, key, -1, SQLITE_STATIC);
	while ((row = db_row(r->e->db, r->find)) == 1) {
		int64_t line = sqlite3_column_int64(r->find, 0);

		if (!found)
			note_used(r, line);
		found = 1;
		if (line < r->line)
			r->line = line;
		if (r->source.several == SEVERAL_FIRST)
			break;
		if (!put(r, line)) {
			row = -1;
			break;
		}
	}
	sqlite3_reset(r->find);
	return row < 0 ? -1 : found;
}

static bool end_of_one(struct resolve *r)
{
	if (!r->of || r->line == INT64_MAX)
		return true;
	r->matched++;
	return r->source.several != SEVERAL_FIRST || put(r, r->line);
}

static bool take(struct resolve *r, sqlite3_stmt *s)
{
	int64_t id = sqlite3_column_int64(s, 0);
	int found = 0;

	if (!r->of || id != r->id) {
		if (!end_of_one(r))
			return false;
		r->of++;
		r->id = id;
		r->line = INT64_MAX;
	}
	for (int i = 1; i <= 2 && found == 0; i++) {
		const char *value = (const char *)sqlite3_column_text(s, i);

		if (value)
			found = enrich_key_each(r->source.match, &r->lengths, value, try_key, r);
	}
	return found >= 0 && (r->of % LOOK_EVERY || !stop_requested());
}

static bool match_all(struct resolve *r)
{
	sqlite3_stmt *s = db_prepare(r->e->db, asked[r->source.match]);
	int row = -1;

	while (s && (row = db_row(r->e->db, s)) == 1)
		if (!take(r, s)) {
			sqlite3_reset(s);
			return false;
		}
	return row == 0 && end_of_one(r);
}

static bool prepare(struct resolve *r)
{
	char sql[256];
	int64_t lines;

	snprintf(
	    sql, sizeof(sql), "SELECT coalesce(max(line), 0) FROM \"qidflow_enrich_%s\"", r->source.name);
	if (!db_int(r->e->db, &lines, sql) ||
	    !db_exec(r->e->db,
		"CREATE TEMP TABLE IF NOT EXISTS enrich_matched(id INTEGER, line INTEGER, PRIMARY KEY(id, "
		"line)) WITHOUT ROWID; DELETE FROM temp.enrich_matched"))
		return false;
	r->used = xcalloc((size_t)lines / 8 + 1, 1);
	r->put = db_prepare(r->e->db, "INSERT OR IGNORE INTO temp.enrich_matched VALUES(?1, ?2)");
	snprintf(sql, sizeof(sql), "SELECT line FROM \"qidflow_enrich_%s\" WHERE key = ?1 ORDER BY line",
	    r->source.name);
	r->find = db_prepare(r->e->db, sql);
	return r->put && r->find;
}

/* ---- values */

static void must(bool fits)
{
	if (!fits)
		abort(); /* some kB, far from the ceiling */
}

static bool make_table(struct resolve *r)
{
	struct buffer sql;
	char exists[256];
	int64_t same = 0;

	buffer_open(&sql, SQL_MOST);
	must(buffer_printf(
	    &sql, "CREATE TABLE \"qidflow_enriched_%s\"(id INTEGER PRIMARY KEY", r->source.name));
	for (int i = 0; i < r->source.n; i++)
		must(buffer_printf(&sql, ", \"%s\" %s", r->columns[i].name,
		    r->columns[i].is_number && r->source.several != SEVERAL_ALL ? "NUMERIC" : "TEXT"));
	must(buffer_add_text(&sql, ")"));
	snprintf(exists, sizeof(exists), "SELECT count(*) FROM %s.sqlite_%sschema WHERE sql = ?1",
	    r->e->schema, strcmp(r->e->schema, "temp") ? "" : "temp_");
	sqlite3_stmt *s = db_prepare(r->e->db, exists);
	bool ok = s != NULL;
	if (ok) {
		sqlite3_bind_text(s, 1, buffer_text(&sql), -1, SQLITE_STATIC);
		ok = db_row(r->e->db, s) == 1;
		same = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	if (ok && !same)
		ok = db_exec(r->e->db, "DROP TABLE IF EXISTS %s.\"qidflow_enriched_%s\"; CREATE TABLE %s.%s",
		    r->e->schema, r->source.name, r->e->schema, buffer_text(&sql) + strlen("CREATE TABLE "));
	buffer_close(&sql);
	return ok;
}

/* The values of a host's or QID's lines, in the order of the columns. A list without any value is none. */
static void add_values(const struct resolve *r, struct buffer *sql)
{
	for (int i = 0; i < r->source.n; i++) {
		const char *name = r->columns[i].name;

		if (r->source.several == SEVERAL_ALL)
			must(buffer_printf(sql,
			    ", CASE WHEN count(s.\"%s\") THEN json_group_array(s.\"%s\") END", name, name));
		else if (r->source.several == SEVERAL_FIRST)
			must(buffer_printf(sql, ", s.\"%s\"", name));
		else
			must(buffer_printf(sql, ", %s(s.\"%s\")",
			    r->source.several == SEVERAL_HIGHEST ? "max" : "min", name));
	}
}

/* What is there, but for what is the same already. */
static bool write_values(struct resolve *r)
{
	struct buffer sql;
	const char *schema = r->e->schema, *name = r->source.name;

	buffer_open(&sql, SQL_MOST);
	must(buffer_printf(&sql,
	    "DELETE FROM %s.\"qidflow_enriched_%s\" WHERE id NOT IN (SELECT id FROM temp.enrich_matched);"
	    "INSERT INTO %s.\"qidflow_enriched_%s\" SELECT m.id",
	    schema, name, schema, name));
	add_values(r, &sql);
	/* CROSS: lines are met in the order of m's key, so lists have a place for each row, the same in all columns */
	must(buffer_printf(&sql,
	    " FROM temp.enrich_matched AS m CROSS JOIN \"qidflow_enrich_%s\" AS s ON s.line = m.line%s"
	    " ON CONFLICT(id) DO UPDATE SET ",
	    name, r->source.several == SEVERAL_FIRST ? " WHERE true" : " WHERE true GROUP BY m.id"));
	for (int i = 0; i < r->source.n; i++)
		must(buffer_printf(&sql, "%s\"%s\" = excluded.\"%s\"", i ? ", " : "", r->columns[i].name,
		    r->columns[i].name));
	for (int i = 0; i < r->source.n; i++)
		must(buffer_printf(&sql, " %s \"%s\" IS NOT excluded.\"%s\"", i ? "OR" : "WHERE",
		    r->columns[i].name, r->columns[i].name));
	bool ok = db_exec(r->e->db, "%s", buffer_text(&sql)) &&
		  db_exec(r->e->db, "DELETE FROM temp.enrich_matched");
	buffer_close(&sql);
	return ok;
}

static bool resolve(struct resolve *r, const char *name, struct enrich_state *st, bool anew)
{
	char fingerprint[FINGERPRINT];

	if (!read_source(r, name) || !read_fingerprint(r, fingerprint))
		return false;
	if (!anew && !strcmp(fingerprint, st->resolved))
		return true;
	if (!read_lengths(r) || !prepare(r) || !match_all(r) || !make_table(r) || !write_values(r))
		return false;
	memcpy(st->resolved, fingerprint, FINGERPRINT);
	st->matched = r->matched;
	st->of = r->of;
	st->unused = st->rows - st->duplicates - r->used_keys;
	return true;
}

bool enrich_resolve(struct enrich *e, const char *name, struct enrich_state *st, bool anew)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	r->e = e;
	bool ok = resolve(r, name, st, anew);
	free(r->used);
	free(r);
	return ok;
}
