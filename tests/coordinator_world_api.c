/* coordinator_world_api.c -- an API that is a script: these stand in for common/qualys/api.c. */
#include <stdio.h>
#include <stdlib.h>
#include "coordinator_world.h"
#include "xalloc.h"

struct world *coordinator_world_api; /* the functions have no place for it */

struct api {
	bool aborted;
};

struct api *api_open(const struct config *c)
{
	(void)c;
	return xcalloc(1, sizeof(struct api));
}

void api_close(struct api *a)
{
	free(a);
}

void api_abort(struct api *a, bool on)
{
	a->aborted = on;
}

const char *api_result_name(enum api_result r)
{
	return r == API_WHOLE ? "whole" : "not whole";
}

static bool begin_list(struct api_answer *ret)
{
	*ret = (struct api_answer){
	    .result = coordinator_world_api->list_result, .limits = GOVERNOR_NOTHING_TOLD};
	ret->datetime_s = WORLD_NOW;
	if (ret->result != API_WHOLE)
		snprintf(ret->text, sizeof(ret->text), "scripted");
	__atomic_add_fetch(&coordinator_world_api->list_calls, 1, __ATOMIC_SEQ_CST);
	return ret->result == API_WHOLE;
}

static void tell_hosts(const struct ids *from, api_host_fn *fn, void *arg, struct api_answer *ret)
{
	struct ids_walk w = {.s = from};

	for (uint64_t id; ids_next(&w, &id);) {
		Qidflow__V1__Host h = QIDFLOW__V1__HOST__INIT;
		Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

		h.has_id = 1;
		h.id = id;
		h.set = &set;
		if (!fn(arg, &h)) {
			ret->result = API_STOPPED;
			return;
		}
	}
}

void api_list_hosts(struct api *a, int64_t processed_after_s, uint64_t id_min, api_host_fn *fn, void *arg,
    struct api_answer *ret)
{
	const struct ids *from =
	    processed_after_s ? &coordinator_world_api->processed : &coordinator_world_api->listed;

	(void)a;
	(void)id_min;
	if (!begin_list(ret))
		return;
	coordinator_world_api->after_s = processed_after_s;
	tell_hosts(from, fn, arg, ret);
}

void api_list_hosts_by_id(
    struct api *a, const struct ids *hosts, api_host_fn *fn, void *arg, struct api_answer *ret)
{
	(void)a;
	if (!begin_list(ret))
		return;
	ids_add_all(&coordinator_world_api->listed_by_id, hosts);
	tell_hosts(hosts, fn, arg, ret);
}

void api_list_host_ids(struct api *a, struct ids *ret_ids, struct api_answer *ret)
{
	(void)a;
	if (begin_list(ret))
		ids_add_all(ret_ids, &coordinator_world_api->listed);
}

void api_list_vulnerabilities(struct api *a, int64_t modified_after_s, uint64_t id_min, uint64_t id_max,
    const struct ids *qids, api_vulnerability_fn *fn, void *arg, struct api_answer *ret)
{
	(void)a;
	(void)modified_after_s;
	(void)id_min;
	(void)id_max;
	(void)fn;
	(void)arg;
	if (coordinator_world_api->on_knowledge_base)
		coordinator_world_api->on_knowledge_base(coordinator_world_api);
	if (!begin_list(ret) || !qids)
		return;
	if (ids_has(qids, coordinator_world_api->broken_qid))
		ret->result = API_BROKEN;
	else
		ids_add_all(&coordinator_world_api->kb_asked, qids);
}
