/* check_kafka.c -- `qidflow check`: the broker, its topics, and what each role may do there.
 *
 * A right that a role lacks is a warning: which role these settings are for, check does not know. */
#include "check_kafka.h"
#include <stdio.h>
#include "config.h"
#include "kafka_topics.h"

static void print(void *arg, enum kafka_finding f, const char *what, const char *text)
{
	static const char *const verdicts[] = {
	    [KAFKA_OK] = "ok", [KAFKA_WARN] = "warn", [KAFKA_WRONG] = "FAILED"};

	if (f == KAFKA_WRONG)
		*(bool *)arg = false;
	printf("%-7s %-14s: %s\n", verdicts[f], what, text);
	fflush(stdout);
}

bool check_kafka(const struct config *c)
{
	bool good = true;

	if (*config_text(c, "kafka.bootstrap.servers"))
		kafka_check(c, print, &good);
	return good;
}
