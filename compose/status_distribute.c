/* status_distribute.c -- `qidflow status`: each target, what it holds, and what it failed of since when. */
#include "status_distribute.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "people.h"
#include "published.h"
#include "targets.h"
#include "xalloc.h"

enum { LATE_S = 10 };

static const char *word_of(const char *data, const struct status_target *t)
{
	const struct target_state *s = &t->state;

	if (s->trying_until && state_is_locked(data, t->name))
		return clock_wall_s() > s->trying_until + LATE_S ? "hangs" : "sending";
	if (*s->error)
		return "failed";
	if (!*t->newest && !*s->sent)
		return "none";
	return strcmp(s->sent, t->newest) == 0 && *s->sent_sum ? "sent" : "behind";
}

/* One that is being sent to is not waited for by hand. */
static bool is_behind(const struct status_target *t)
{
	return *t->newest && (strcmp(t->word, "failed") == 0 || strcmp(t->word, "behind") == 0);
}

bool status_targets_read(const struct config *c, struct status_target **ret, size_t *ret_n)
{
	const char *data = config_text(c, "data");
	size_t n = targets_count(c);
	struct status_target *v = xcalloc(n + 1, sizeof(*v));
	bool good = true;

	for (size_t i = 0; i < n; i++) {
		v[i].name = targets_name(c, i);
		v[i].type = config_text(c, distribute_setting(v[i].name, "type"));
		published_newest(data, v[i].newest);
		good = state_look(data, v[i].name, &v[i].state) >= 0 && good;
		v[i].word = word_of(data, &v[i]);
		if (is_behind(&v[i]))
			snprintf(v[i].remedy, sizeof(v[i].remedy), "qidflow distribute %s", v[i].name);
	}
	*ret = v;
	*ret_n = n;
	return good;
}

static const char *since(int64_t at, char text[static CLOCK_TEXT])
{
	return at ? clock_format_sql(at, text) : "-";
}

void status_targets_print(const struct status_target *v, size_t n)
{
	char at[CLOCK_TEXT], bytes[PEOPLE_TEXT], span[CLOCK_TEXT];

	if (n)
		printf("\n%-16s %-10s %-8s %-20s %-19s %9s\n", "Target", "type", "state", "holds", "since",
		    "sent");
	for (size_t i = 0; i < n; i++) {
		const struct target_state *s = &v[i].state;

		printf("%-16s %-10s %-8s %-20s %-19s %9s\n", v[i].name, v[i].type, v[i].word,
		    *s->sent ? s->sent : "-", since(s->sent_at, at),
		    s->sent_at ? people_bytes((int64_t)s->bytes, bytes) : "-");
		if (*s->error)
			printf("                 failing for %s, %" PRId64 " tries of %s: %s\n",
			    clock_format_span((clock_wall_s() - s->failing_since) * 1000, span), s->tries,
			    s->wanted, s->error);
		if (*v[i].remedy)
			printf("                 `%s` sends %s\n", v[i].remedy, v[i].newest);
	}
}
