/* enrich.c -- all sources of the settings, one after the other: loaded, resolved, and what was not good of them said. */
#include "enrich.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "config_section.h"
#include "db.h"
#include "enrich_inside.h"
#include "log.h"

bool enrich_is_used(const struct config *c, struct db *d, bool *ret_used)
{
	struct enrich_due due;
	int64_t there;

	if (!enrich_due_of(c, &due) ||
	    !db_int(d, &there,
		"SELECT (SELECT count(*) FROM sqlite_schema WHERE name = 'qidflow_enrich') +"
		" (SELECT count(*) FROM qidflow_meta WHERE name = 'due')"))
		return false;
	*ret_used = due.any || there || config_section_count(c, "enrich");
	return true;
}

static bool is_trial(const struct enrich *e)
{
	return e->run->run == 0;
}

static void tell(
    const struct enrich *e, const struct enrich_settings *s, const struct enrich_state *st, int64_t took_ms)
{
	char span[CLOCK_TEXT];

	if (is_trial(e)) /* enrich_check() tells */
		return;
	if (took_ms >= 0)
		log_line(LOG_INFO,
		    "enrich.%s: %" PRId64 " rows, for %" PRId64 " of %" PRId64 " %s, in %s: %s", s->name,
		    st->rows, st->matched, st->of, enrich_match_is_of_host(s->match) ? "hosts" : "QIDs",
		    clock_format_span(took_ms, span), s->file);
	if (*st->note)
		log_line(LOG_INFO, "enrich.%s: %s", s->name, st->note);
	if (*st->turned)
		log_line(LOG_WARN,
		    "enrich.%s: what was a number is text now, and compared as text: %s; mend the file, or "
		    "set "
		    "enrich.%s.numbers",
		    s->name, st->turned, s->name);
	if (strcmp(st->state, "good") != 0)
		log_line(LOG_WARN, "enrich.%s: %s: %s; %s%s", s->name, s->file, st->error,
		    st->loaded ? "what was loaded stays, of " : "nothing was ever loaded", st->loaded_at);
	else if (st->bad)
		log_line(LOG_WARN, "enrich.%s: %s: %" PRId64 " lines cannot be read: %s", s->name, s->file,
		    st->bad, st->bad_lines);
}

/* What was loaded is resolved also where the file is broken now: hosts come and go. */
static bool load_source(struct enrich *e, const char *name, int position)
{
	struct enrich_settings s;
	struct enrich_state st;
	int64_t began = clock_ms();

	enrich_settings_of(e->config, name, &s);
	if (!enrich_state_read(e, name, &st) || !enrich_source_load(e, &s, &st))
		return false;
	bool anew = !*st.resolved;
	st.loaded = *st.loaded_at != '\0';
	if (st.loaded && !enrich_resolve(e, name, &st, anew))
		return false;
	tell(e, &s, &st, st.loaded && anew ? clock_ms() - began : -1);
	return enrich_state_write(e, &s, position, &st);
}

static bool load_sources(struct enrich *e)
{
	const char *name;

	for (size_t i = 0; (name = config_section_name(e->config, "enrich", i)); i++)
		if (!load_source(e, name, (int)i))
			return false;
	return true;
}

static bool write_due_error(struct db *d, const char *why)
{
	sqlite3_stmt *s =
	    db_prepare(d, *why ? "INSERT OR REPLACE INTO qidflow_meta VALUES('due_error', ?1)"
			       : "DELETE FROM qidflow_meta WHERE name = 'due_error' AND ?1 = ''");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, why, -1, SQLITE_STATIC);
	return db_step(d, s);
}

static bool look_at_due(struct enrich *e, const struct enrich_due *due)
{
	char why[DUE_WHY];

	if (!enrich_due_look(e, due, why))
		return false;
	if (*why && !is_trial(e))
		log_line(LOG_WARN, "due.earlier: %s: these set no date", why);
	return write_due_error(e->db, why);
}

/* Settings that say nothing of what settings before them said: most likely a run by hand, which was not told the file. */
static bool keep_all(struct enrich *e)
{
	struct enrich_state st;

	log_line(LOG_WARN,
	    "the settings have neither [enrich.NAME] nor [due], the database has: what was loaded stays, and"
	    " its files are not read; enrich.forget = yes removes it");
	if (e->before->n &&
	    (!enrich_state_make(e) || !db_exec(e->db, "UPDATE qidflow_enrich SET state = 'kept', error = "
						      "'the settings have no [enrich.NAME], so its"
						      " file is not read' WHERE loaded_at IS NOT NULL")))
		return false;
	for (int i = 0; i < e->before->n; i++) {
		const char *name = e->before->sources[i].name;

		if (!enrich_state_read(e, name, &st) || !enrich_resolve(e, name, &st, false) ||
		    !enrich_state_write_matches(e, name, &st))
			return false;
	}
	return true;
}

static bool load_all(struct enrich *e, const struct enrich_due *due)
{
	if (e->before->due.any && !due->any)
		log_line(LOG_WARN, "[due] is not in the settings any more: due and overdue go");
	if (!enrich_due_write(e->db, due) || !db_exec(e->db, "DROP TABLE IF EXISTS temp.enrich_taken") ||
	    !enrich_columns_note(e->db) || !enrich_state_make(e) || !enrich_state_forget_others(e) ||
	    !load_sources(e) || !look_at_due(e, due))
		return false;
	return config_section_count(e->config, "enrich") || db_exec(e->db, "DROP TABLE qidflow_enrich");
}

bool enrich_load(const struct config *c, struct db *d, const struct enrich_run *run)
{
	struct enrich e = {.config = c, .db = d, .schema = "main", .run = run};
	struct enrich_due due;

	if (!enrich_due_of(c, &due))
		return false;
	struct enrich_list *before = enrich_list_read(d);
	e.before = before;
	bool is_set = due.any || config_section_count(c, "enrich") || config_bool(c, "enrich.forget");
	bool has_any = before && (before->n || before->due.any);
	bool ok = before && (has_any && !is_set ? keep_all(&e) : load_all(&e, &due));
	free(before);
	return ok;
}

/* ---- tried only */

static void describe(
    const struct enrich_settings *s, const struct enrich_state *st, struct enrich_report *ret)
{
	char *to = ret->text;
	size_t size = sizeof(ret->text);
	const char *what = enrich_match_is_of_host(s->match) ? "hosts" : "QIDs";

	ret->is_good = !strcmp(st->state, "good");
	if (!ret->is_good) {
		snprintf(to, size, "%s: %s", s->file, st->error);
		return;
	}
	size_t n = (size_t)snprintf(to, size, "%s: %" PRId64 " rows", s->file, st->rows);
	if (st->of)
		n += (size_t)snprintf(
		    to + n, size - n, ", %" PRId64 " of %" PRId64 " %s have one", st->matched, st->of, what);
	else
		n += (size_t)snprintf(to + n, size - n, ", there are no %s yet", what);
	if (st->of && enrich_match_is_of_host(s->match) && st->of > st->matched)
		n += (size_t)snprintf(
		    to + n, size - n, ", %" PRId64 " hosts are without", st->of - st->matched);
	if (st->of && st->unused)
		n += (size_t)snprintf(to + n, size - n, ", %" PRId64 " keys match nothing", st->unused);
	if (st->keyless)
		n += (size_t)snprintf(to + n, size - n, ", %" PRId64 " rows without a key", st->keyless);
	if (st->duplicates)
		n += (size_t)snprintf(
		    to + n, size - n, ", %" PRId64 " rows have a key that stands before", st->duplicates);
	if (st->bad && n < size)
		n += (size_t)snprintf(
		    to + n, size - n, ", %" PRId64 " lines cannot be read: %s", st->bad, st->bad_lines);
	if (*st->turned && n < size)
		n += (size_t)snprintf(to + n, size - n, "; was a number and is text now: %s", st->turned);
	if (*st->note && n < size)
		snprintf(to + n, size - n, "; %s", st->note);
	ret->is_perfect =
	    !st->duplicates && !st->bad && !st->keyless && !*st->turned &&
	    (!st->of || !enrich_match_is_of_host(s->match) || (st->of == st->matched && !st->unused));
}

static bool try_source(struct enrich *e, const char *name, enrich_report_fn *fn, void *arg)
{
	struct enrich_report report = {.is_good = false};
	struct enrich_settings s;
	struct enrich_state st = {.loaded = false};

	enrich_settings_of(e->config, name, &s);
	snprintf(report.name, sizeof(report.name), "enrich.%s", name);
	if (!enrich_source_load(e, &s, &st) ||
	    (!strcmp(st.state, "good") && !enrich_resolve(e, name, &st, true)))
		return false;
	describe(&s, &st, &report);
	fn(arg, &report);
	return true;
}

static bool try_due(struct enrich *e, enrich_report_fn *fn, void *arg)
{
	struct enrich_report report = {.name = "due.earlier"};
	struct enrich_due due;
	char why[DUE_WHY];

	if (!enrich_due_of(e->config, &due) || !enrich_due_look(e, &due, why))
		return false;
	report.is_good = true;
	report.is_perfect = !*why;
	snprintf(report.text, sizeof(report.text), "%s", *why ? why : config_text(e->config, "due.earlier"));
	if (due.n_earlier)
		fn(arg, &report);
	return true;
}

bool enrich_check(const struct config *c, struct db *d, enrich_report_fn *fn, void *arg)
{
	struct enrich_run run = {0, clock_wall_s()};
	struct enrich e = {.config = c, .db = d, .schema = "temp", .run = &run};
	struct enrich_list *before = enrich_list_read(d);
	const char *name;

	e.before = before;
	bool ok = before && enrich_state_make(&e);
	for (size_t i = 0; ok && (name = config_section_name(c, "enrich", i)); i++)
		ok = try_source(&e, name, fn, arg);
	ok = ok && try_due(&e, fn, arg);
	free(before);
	return ok;
}
