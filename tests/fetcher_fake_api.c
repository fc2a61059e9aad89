/* fetcher_fake_api.c -- api.h without an API: host ids say what comes. */
#include "fetcher_fake.h"
#include "api.h"
#include "xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fetcher_fake fake;

struct api {
	atomic_bool aborted;
};

struct api *api_open(const struct config *c)
{
	(void)c;
	return atomic_load(&fake.no_api) ? NULL : xcalloc(1, sizeof(struct api));
}

void api_close(struct api *a)
{
	free(a);
}

void api_abort(struct api *a, bool on)
{
	if (on)
		atomic_fetch_add(&fake.aborts, 1);
	atomic_store(&a->aborted, on);
}

const char *api_result_name(enum api_result r)
{
	return r == API_WHOLE ? "whole" : "not whole";
}

static bool fake_piece(
    api_detections_fn *fn, void *arg, uint64_t id, size_t n, size_t results, unsigned part, bool last)
{
	Qidflow__V1__HostDetections h = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;
	Qidflow__V1__Detection d[2] = {QIDFLOW__V1__DETECTION__INIT, QIDFLOW__V1__DETECTION__INIT}, *list[2];
	char *text = xmalloc(results + 1);

	memset(text, 'x', results);
	text[results] = 0;
	for (size_t i = 0; i < n; i++) {
		d[i].has_qid = true;
		d[i].qid = 38000 + id;
		d[i].results = text;
		list[i] = &d[i];
	}
	h.has_id = true;
	h.id = id;
	h.n_detection_list = n;
	h.detection_list = list;
	h.has_part = part > 0;
	h.part = part;
	h.has_continued = h.continued = part == 3;
	set.has_fetched_at = true;
	set.fetched_at = 1700000000;
	h.set = &set;
	bool more = fn(arg, &h, part, last);
	free(text);
	return more;
}

static enum api_result fake_host(struct api *a, uint64_t id, api_detections_fn *fn, void *arg)
{
	bool more = true;

	if (id >= HOST_STOPS)
		return API_STOPPED;
	if (id >= HOST_LARGE)
		return fake_piece(fn, arg, id, 1, 1000 * 1000, 0, true) ? API_WHOLE : API_STOPPED;
	if (id >= HOST_BLOCK) {
		while (!atomic_load(&fake.go) && !atomic_load(&a->aborted))
			usleep(1000);
		more = !atomic_load(&a->aborted) && fake_piece(fn, arg, id, 1, 10, 0, true);
	} else if (id >= HOST_BREAK) {
		return fake_piece(fn, arg, id, 2, 10, 1, false) ? API_BROKEN : API_STOPPED;
	} else if (id >= HOST_PARTS) {
		for (unsigned part = 1; part <= 4 && more; part++)
			more = fake_piece(fn, arg, id, 2, 10, part, part == 4);
	} else {
		more = fake_piece(fn, arg, id, id < HOST_EMPTY ? 1 : 0, 10, 0, true);
	}
	return more ? API_WHOLE : API_STOPPED;
}

void api_list_detections(
    struct api *a, const struct ids *hosts, api_detections_fn *fn, void *arg, struct api_answer *ret)
{
	static const struct governor_limits nothing = GOVERNOR_NOTHING_TOLD;
	int running = atomic_fetch_add(&fake.running, 1) + 1, most = atomic_load(&fake.most_at_once);

	while (running > most && !atomic_compare_exchange_weak(&fake.most_at_once, &most, running))
		;
	atomic_fetch_add(&fake.calls, 1);
	*ret = (struct api_answer){
	    .result = API_WHOLE, .http_status = 200, .datetime_s = 1700000000, .limits = nothing};
	ret->limits.calls_at_once = 4;
	ret->xml_bytes = 1234;
	ret->duration_ms = 5;
	if (ids_first(hosts) >= HOST_TOO_FAST && ids_first(hosts) < HOST_STOPS) {
		ret->result = API_TOO_FAST;
		ret->http_status = 409;
		ret->code = 1965;
		ret->limits.wait_ms = 7000;
		snprintf(ret->text, sizeof(ret->text), "too fast");
	}
	struct ids_walk w = {.s = hosts};
	for (uint64_t id; ret->result == API_WHOLE && ids_next(&w, &id);)
		ret->result = fake_host(a, id, fn, arg);
	atomic_fetch_sub(&fake.running, 1);
}
