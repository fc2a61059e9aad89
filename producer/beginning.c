/* beginning.c -- which run this is, a new one or the one that was interrupted, and whom it asks for first. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h"

static bool begin_anew(struct coordinator *c, int64_t now_s, bool full)
{
	char since[CLOCK_TEXT];
	int64_t full_every_s = config_number(c->config, "run.full_every") / 1000;

	if (c->complete_run && (c->complete_started_at > now_s || c->complete_full_at > now_s)) {
		log_line(LOG_WARN,
		    "the API's clock is behind that of the last complete run: all hosts are asked for");
		full = true;
	}
	bool knows = true;
	if (!progress_knows_database(c->progress, c->database, &knows))
		return coordinator_fail(c, STATUS_FAILED, "progress.db cannot be read");
	if (!knows && c->complete_run)
		log_line(LOG_INFO, "the database is another one than before: all hosts are asked for");
	if (c->new_stream && c->complete_run)
		log_line(LOG_INFO, "the topics hold no complete run: all hosts are asked for");
	full = full || !knows || c->complete_run == 0 || c->new_stream ||
	       (full_every_s && now_s - c->complete_full_at >= full_every_s);
	c->run = (struct progress_run){.run = progress_next_run(c->progress),
	    .full = full,
	    .started_at = now_s,
	    .window_start =
		full ? 0 : c->complete_started_at - config_number(c->config, "run.overlap") / 1000};
	/* Another's run that never ended: what it left at work is in no memory of ours. */
	c->run.unsure = c->overtaken && c->started_on_topic > c->complete_on_topic;
	snprintf(c->run.database, sizeof(c->run.database), "%s", c->database);
	snprintf(c->run.stream, sizeof(c->run.stream), "%s", transport_stream(c->transport));
	log_line(LOG_INFO, "run %" PRIu64 " begins: %s%s", c->run.run,
	    full ? "all hosts" : "hosts processed since ",
	    full ? "" : clock_format_api(c->run.window_start, since));
	return (c->run.run && progress_run_begin(c->progress, &c->run)) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no new run");
}

/* Topics that were made anew get everything in one run: the database has the rest, but who reads the topics has not. */
static bool fits_stream(const struct coordinator *c, const struct progress_run *old)
{
	return !c->new_stream || (old->full && !strcmp(old->stream, transport_stream(c->transport)));
}

/* An interrupted run goes on, unless it was for another database or other topics, is complete there, or --full abandons it. */
static bool which_run(struct coordinator *c, int64_t now_s, bool full)
{
	struct progress_run old;

	if (progress_running(c->progress, &old)) {
		bool same = strcmp(old.database, c->database) == 0, done = same && c->complete_run >= old.run,
		     cancelled = false;

		if (!requests_cancel_interrupted(c, &old, &cancelled))
			return false;
		if (same && !done && !full && !cancelled && fits_stream(c, &old)) {
			c->run = old;
			log_line(LOG_INFO, "run %" PRIu64 " goes on where it was interrupted", c->run.run);
			return resume_batches(c);
		}
		if (!cancelled &&
		    !progress_run_state(c->progress, old.run, done ? "COMPLETE" : "ABANDONED", NULL))
			return coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	}
	return begin_anew(c, now_s, full);
}

bool beginning(struct coordinator *c, int64_t now_s, bool full)
{
	if (!which_run(c, now_s, full))
		return false;
	ids_add_all(&c->unsure, &c->owed); /* given up or marked */
	return progress_unsure(c->progress, c->run.run, &c->unsure) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db cannot be read");
}

/* What is asked for at the start: all, or what the last run owes, who is unsure, and what is listed but not in the database. */
void beginning_todo(struct coordinator *c, const struct ids *listed)
{
	struct ids want = {0};

	if (c->run.full) {
		ids_copy(&want, listed);
	} else {
		struct ids unlisted = {0};

		ids_copy(&want, listed);
		ids_remove_all(&want, &c->known);
		ids_copy(&unlisted, &c->unsure);
		ids_remove_all(&unlisted, listed);
		ids_add_all(&want, &c->unsure);
		ids_remove_all(&want, &unlisted);
		ids_close(&unlisted);
	}
	ids_remove_all(&want, &c->asked);
	ids_add_all(&c->todo, &want);
	ids_close(&want);
}
