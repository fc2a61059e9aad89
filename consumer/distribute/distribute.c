/* distribute.c -- the table of types, and what every type needs. */
#include "distribute.h"
#include <stdarg.h>
#include <stdio.h>
#include "clock.h"
#include "stop.h"
#include "types.h"

enum { SETTING = 96, SETTINGS_KEPT = 8 };

const struct distribute_ops *const distribute_types[] = {
    &distribute_command, &distribute_directory, &distribute_postgresql, &distribute_s3, NULL};

enum distribute_end distribute_say(
    struct distribute_job *job, enum distribute_end end, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(job->why, sizeof(job->why), format, args);
	va_end(args);
	return end;
}

static bool is_stopped(const struct distribute_job *job)
{
	return stop_requested() || atomic_load(job->stop);
}

bool distribute_is_over(const struct distribute_job *job)
{
	return is_stopped(job) || clock_ms() >= job->deadline_ms;
}

enum distribute_end distribute_over(struct distribute_job *job)
{
	if (is_stopped(job))
		return distribute_say(job, DISTRIBUTE_STOPPED, "stopped; the next start goes on from here");
	return distribute_say(
	    job, DISTRIBUTE_RETRY, "not done in the time that distribute.%s.timeout allows", job->name);
}

const char *distribute_setting(const char *name, const char *setting)
{
	static _Thread_local char texts[SETTINGS_KEPT][SETTING];
	static _Thread_local unsigned next;
	char *text = texts[next++ % SETTINGS_KEPT];

	snprintf(text, SETTING, "distribute.%s.%s", name, setting);
	return text;
}
