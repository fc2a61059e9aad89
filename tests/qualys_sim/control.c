/* control.c -- what a test does to the simulator while it runs, and what it asks of it. Plain HTTP on the same port,
 * without login; the port is bound to the loopback only. The answers are small JSON. */
#include <stdio.h>
#include <stdlib.h>
#include "parameters.h"
#include "shown.h"
#include "call.h"

static double fraction_of(const struct parameters *p)
{
	const char *text = parameters_find(p, "fraction");
	return text ? strtod(text, NULL) : 1;
}

static uint32_t number_of(const struct parameters *p, const char *name, uint32_t otherwise)
{
	const char *text = parameters_find(p, name);
	return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static bool say(struct text_buffer *out, const char *what, uint64_t n)
{
	text_buffer_printf(out, "{\"%s\":%llu}\n", what, (unsigned long long)n);
	return true;
}

static bool do_rescan(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	return say(out, "rescanned", world_rescan(&s->world, fraction_of(p)));
}

static bool do_remove(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	return say(out, "removed", world_remove(&s->world, fraction_of(p)));
}

static bool do_add(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	return say(out, "added", world_add(&s->world, number_of(p, "n", 1)));
}

static bool do_kb_touch(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	return say(out, "touched", world_touch_vulns(&s->world, fraction_of(p)));
}

static bool set(atomic_bool *flag, const struct parameters *p, struct text_buffer *out)
{
	atomic_store(flag, number_of(p, "on", 1) != 0);
	return say(out, "on", atomic_load(flag));
}

static bool do_empty_list(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	return set(&s->world.empty_list, p, out);
}

static bool do_half_list(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	return set(&s->world.half_list, p, out);
}

static bool do_empty_detections(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	return set(&s->world.empty_detections, p, out);
}

/* mix: 503 for the first half, refused connections for the second. */
static bool do_outage(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	const char *kind = parameters_find(p, "kind"), *seconds = parameters_find(p, "seconds");
	double lasts = seconds ? strtod(seconds, NULL) : 10, now = limits_clock();
	bool refuse = kind && strcmp(kind, "refuse") == 0, mix = kind && strcmp(kind, "mix") == 0;
	if (kind && !refuse && !mix && strcmp(kind, "503") != 0)
		return false;
	double turn = refuse ? now : mix ? now + lasts / 2 : now + lasts;
	atomic_store(&s->outage_503_until, turn);
	atomic_store(&s->refuse_from, turn);
	atomic_store(&s->refuse_until, refuse || mix ? now + lasts : 0.0);
	return say(out, "seconds", (uint64_t)lasts);
}

static bool do_fault(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	const char *name = parameters_find(p, "name"), *rate = parameters_find(p, "rate");
	double value = rate ? strtod(rate, NULL) : 0;
	if (!name)
		return false;
	bool all = strcmp(name, "all") == 0;
	enum fault fault = fault_by_name(name, strlen(name));
	if (!all && fault == FAULT_NONE)
		return false;
	for (int i = 1; i < FAULTS; i++)
		if (all || (int)fault == i)
			atomic_store(&s->faults.rates[i], value);
	text_buffer_printf(out, "{\"fault\":\"%s\",\"rate\":%g}\n", all ? "all" : fault_names[fault], value);
	return true;
}

static bool do_limit(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	for (int i = 0; i < APIS; i++)
		limits_change(&s->limits[i], number_of(p, "n", s->limits[i].limit),
		    number_of(p, "rate", s->limits[i].rate));
	return say(out, "limit", s->limits[0].limit);
}

static bool do_account(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	const char *state = parameters_find(p, "state");
	if (!state || (strcmp(state, "ok") != 0 && strcmp(state, "expired") != 0))
		return false;
	atomic_store(&s->account_expired, strcmp(state, "expired") == 0);
	return say(out, "expired", atomic_load(&s->account_expired));
}

static bool do_poison(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	uint32_t index = UINT32_MAX;
	const char *text = parameters_find(p, "index");
	if (text && strcmp(text, "none") != 0)
		index = number_of(p, "index", 0);
	atomic_store(&s->world.poison, index);
	return say(out, "id", index == UINT32_MAX ? 0 : world_host_id(&s->world, index));
}

static bool do_reset_stats(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	(void)p;
	stats_reset(&s->stats, &s->world);
	for (int i = 0; i < APIS; i++)
		limits_reset_measures(&s->limits[i], limits_clock());
	return say(out, "reset", 1);
}

static bool do_expect(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	const char *file = parameters_find(p, "file"), *version = parameters_find(p, "version");
	unsigned host = SHOW_OF_HOST_LIST, detection = SHOW_OF_DETECTIONS;
	if (version && version[0] < '5')
		detection &= ~SHOW_V5;
	if (number_of(p, "tags", 0)) /* the detection call asks for all that a host can show */
		detection |= SHOW_TAGS | SHOW_CLOUD_TAGS | SHOW_METADATA;
	return file && expect_write(s, file, host, detection) && say(out, "written", 1);
}

static bool do_stats(struct sim *s, const struct parameters *p, struct text_buffer *out)
{
	stats_put_json(&s->stats, s->limits, &s->world, number_of(p, "hosts", 0) != 0, out);
	return true;
}

static const struct {
	const char *path;
	bool (*act)(struct sim *s, const struct parameters *p, struct text_buffer *out); /* false: 400 */
} rows[] = {
    {"/stats", do_stats},
    {"/control/rescan", do_rescan},
    {"/control/remove", do_remove},
    {"/control/add", do_add},
    {"/control/kb_touch", do_kb_touch},
    {"/control/empty_list", do_empty_list},
    {"/control/half_list", do_half_list},
    {"/control/empty_detections", do_empty_detections},
    {"/control/outage", do_outage},
    {"/control/fault", do_fault},
    {"/control/limit", do_limit},
    {"/control/account", do_account},
    {"/control/poison", do_poison},
    {"/control/reset_stats", do_reset_stats},
    {"/control/expect", do_expect},
};

enum MHD_Result control_serve(struct call *c)
{
	struct reply r = {.status = 404, .type = "application/json"};
	const char *query = strchr(c->uri, '?');
	size_t length = strcspn(c->uri, "?");
	struct parameters p = parameters_read(
	    query ? query + 1 : "", query ? strlen(query + 1) : 0, c->body.bytes, c->body.length);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strlen(rows[i].path) != length || memcmp(rows[i].path, c->uri, length) != 0)
			continue;
		pthread_mutex_lock(&c->sim->control);
		r.status = rows[i].act(c->sim, &p, &r.body) ? 200 : 400;
		pthread_mutex_unlock(&c->sim->control);
	}
	if (r.status != 200)
		text_buffer_printf(&r.body, "{\"error\":%d}\n", r.status);
	parameters_free(&p);
	return reply_send(c, &r);
}
