/* display_text.c -- what there is to say about a run, from the counters of meter.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "clock.h"
#include "display.h"
#include "meter.h"
#include "people.h"

enum { ROOM = DISPLAY_COLUMNS };

__attribute__((format(printf, 2, 3))) static void add(char *line, const char *format, ...)
{
	size_t len = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + len, ROOM - len, format, args);
	va_end(args);
}

/* To the millisecond: a moment that is so far off must not flicker between two seconds. */
static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t display_total(enum meter own, enum meter told)
{
	return meter_get(own) + (meter_get(METER_HOSTS_FETCHED) ? 0 : meter_get(told));
}

static void add_wait(char *line, enum meter_waiter who, int64_t now_ms)
{
	int64_t since, until;
	const char *what = meter_waits(who, &since, &until);
	char span[CLOCK_TEXT], clock[CLOCK_TEXT];

	if (!what)
		return;
	if (until > now_ms) {
		clock_format_api((wall_ms() + until - now_ms) / 1000, clock);
		add(line, "  waits: %s, until %s (%s)", what, clock + strlen("2026-11-24T"),
		    clock_format_span(until - now_ms + 999, span));
	} else if (now_ms - since >= 1000) {
		add(line, "  waits: %s, %s so far", what, clock_format_span(now_ms - since, span));
	}
}

/* -1: nothing to go by. */
static int64_t left_ms(const struct display_rates *r)
{
	int64_t hosts = meter_get(METER_HOSTS_ASKED), listed = meter_get(METER_HOSTS_LISTED);
	int64_t left = (listed > hosts ? listed : hosts) - meter_get(METER_HOSTS_DONE);

	return left <= 0 ? 0 : r->hosts <= 0 ? -1 : (int64_t)((double)left / r->hosts * 1000);
}

static void hosts_line(char *line)
{
	char done[PEOPLE_TEXT], all[PEOPLE_TEXT];
	int64_t asked = meter_get(METER_HOSTS_ASKED), listed = meter_get(METER_HOSTS_LISTED);
	int64_t most = listed > asked ? listed : asked;

	add(line, "Detections     %s of %s hosts", people_number(meter_get(METER_HOSTS_DONE), done),
	    people_number(most, all));
	if (most)
		add(line, " (%" PRId64 " %%)", 100 * meter_get(METER_HOSTS_DONE) / most);
	add(line, ", %s detections",
	    people_number(display_total(METER_DETECTIONS_FETCHED, METER_DETECTIONS_TOLD), done));
}

static void batches_line(char *line)
{
	char done[PEOPLE_TEXT], all[PEOPLE_TEXT];

	add(line, "Batches        %s of %s, %" PRId64 " out",
	    people_number(meter_get(METER_BATCHES_DONE), done), people_number(meter_get(METER_BATCHES), all),
	    meter_get(METER_BATCHES_OUT));
}

static void total_line(char *line, const struct display_rates *r)
{
	static const char *const stages[] = {[STAGE_STARTING] = "starts",
	    [STAGE_FETCHING] = "",
	    [STAGE_FINISHING] = "finishes",
	    [STAGE_PUBLISHING] = "publishes",
	    [STAGE_DONE] = "done"};
	char text[PEOPLE_TEXT], span[CLOCK_TEXT];
	int64_t stage = meter_get(METER_STAGE), left = left_ms(r);

	add(line, "Total          %s",
	    people_bytes(display_total(METER_XML_BYTES, METER_XML_BYTES_TOLD), text));
	if (r->bytes >= 0)
		add(line, ", %s/s", people_bytes((int64_t)r->bytes, text));
	add(line, ", %s calls", people_number(display_total(METER_CALLS, METER_CALLS_TOLD), text));
	if (meter_get(METER_DETECTIONS_LOADED)) /* by a loader of this process */
		add(line, ", %s loaded", people_number(meter_get(METER_DETECTIONS_LOADED), text));
	if (stage == STAGE_FETCHING && left > 0)
		add(line, ", about %s left", clock_format_span(left, span));
	else if (stage != STAGE_FETCHING)
		add(line, ", %s", stages[stage]);
	if (meter_get(METER_ROWS_PUBLISHED))
		add(line, ", %s rows published", people_number(meter_get(METER_ROWS_PUBLISHED), text));
}

void display_text_lines(
    const struct display_rates *r, int64_t now_ms, char lines[static DISPLAY_LINES][DISPLAY_COLUMNS])
{
	char text[PEOPLE_TEXT];

	for (int i = 0; i < DISPLAY_LINES; i++)
		lines[i][0] = '\0';
	add(lines[0], "Host List      %s hosts", people_number(meter_get(METER_HOSTS_LISTED), text));
	add_wait(lines[0], WAITER_HOST_LIST, now_ms);
	add(lines[1], "KnowledgeBase  %s vulnerabilities",
	    people_number(meter_get(METER_VULNERABILITIES), text));
	add_wait(lines[1], WAITER_KNOWLEDGEBASE, now_ms);
	hosts_line(lines[2]);
	batches_line(lines[3]);
	add_wait(lines[3], WAITER_DETECTIONS, now_ms);
	total_line(lines[4], r);
	add_wait(lines[4], WAITER_LOADER, now_ms);
}

void display_text_log(const struct display_rates *r, int64_t now_ms, char *line, size_t size)
{
	static const char *const stages[] = {"starting", "fetching", "finishing", "publishing", "done"};
	static const char *const waiters[] = {"Host List", "KnowledgeBase", "Detections", "Run"};
	char text[ROOM] = "", span[CLOCK_TEXT], loads[80] = "";
	int64_t left = left_ms(r), loaded = meter_get(METER_DETECTIONS_LOADED);

	if (loaded) /* by a loader of this process */
		snprintf(loads, sizeof(loads), " loaded=%" PRId64 " published=%" PRId64, loaded,
		    meter_get(METER_ROWS_PUBLISHED));
	for (int who = 0; who < WAITER_COUNT; who++) {
		char wait[ROOM] = "";

		add_wait(wait, (enum meter_waiter)who, now_ms);
		if (*wait)
			add(text, "; %s%s", waiters[who], wait + 1);
	}
	snprintf(line, size,
	    "%s%s%s%s: hosts_listed=%" PRId64 " hosts_done=%" PRId64 " hosts_asked=%" PRId64
	    " vulnerabilities=%" PRId64 " batches=%" PRId64 " batches_done=%" PRId64 " batches_out=%" PRId64
	    " detections=%" PRId64 "%s calls=%" PRId64 " xml_mb=%.1f mb_per_s=%.1f%s",
	    stages[meter_get(METER_STAGE)], left > 0 ? ", about " : "",
	    left > 0 ? clock_format_span(left, span) : "", left > 0 ? " left" : "",
	    meter_get(METER_HOSTS_LISTED), meter_get(METER_HOSTS_DONE), meter_get(METER_HOSTS_ASKED),
	    meter_get(METER_VULNERABILITIES), meter_get(METER_BATCHES), meter_get(METER_BATCHES_DONE),
	    meter_get(METER_BATCHES_OUT), display_total(METER_DETECTIONS_FETCHED, METER_DETECTIONS_TOLD),
	    loads, display_total(METER_CALLS, METER_CALLS_TOLD),
	    (double)display_total(METER_XML_BYTES, METER_XML_BYTES_TOLD) / 1e6,
	    r->bytes > 0 ? r->bytes / 1e6 : 0, text);
}
