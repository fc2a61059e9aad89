/* api.c -- the calls: what is posted, which document comes back, what its records are. */
#include "api.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "ceilings.h"
#include "clock.h"
#include "config.h"
#include "document.h"
#include "http.h"
#include "log.h"
#include "meter.h"
#include "parameters.h"
#include "qidflow/v1/answer.pb-c.h"
#include "xalloc.h"

enum kind { HOSTS, HOST_IDS, DETECTIONS, VULNERABILITIES, KINDS };

struct api {
	const struct config *config;
	struct http *http;
	struct document documents[KINDS];
	struct buffer form;
	/* of the call under way */
	union {
		api_host_fn *host;
		api_detections_fn *detections;
		api_vulnerability_fn *vulnerability;
	} fn;
	void *arg;
	const struct ids *asked;
	struct ids *found, seen;
	unsigned part;
	bool inside, skipping;
	uint64_t strays; /* hosts that were skipped */
};

#define ENVELOPE                                                                                             \
	{"DATETIME", &qidflow__v1__datetime__descriptor, NULL},                                              \
	    {"WARNING", &qidflow__v1__warning__descriptor, NULL},                                            \
	    {"SIMPLE_RETURN", &qidflow__v1__simple_return__descriptor, NULL},                                \
	    {"GENERIC_RETURN", &qidflow__v1__simple_return__descriptor, NULL},                               \
	{                                                                                                    \
		NULL, NULL, NULL                                                                             \
	}

static const struct xml_root roots[KINDS][8] = {
    [HOSTS] = {{"HOST", &qidflow__v1__host__descriptor, NULL}, ENVELOPE},
    [HOST_IDS] = {{"ID", &qidflow__v1__host_id__descriptor, NULL},
	{"ID_RANGE", &qidflow__v1__host_id__descriptor, NULL}, ENVELOPE},
    [DETECTIONS] = {{"HOST", &qidflow__v1__host_detections__descriptor, "detection_list"}, ENVELOPE},
    [VULNERABILITIES] = {{"VULN", &qidflow__v1__vulnerability__descriptor, NULL}, ENVELOPE},
};
static const struct document_kind kinds[KINDS] = {
    [HOSTS] = {"HOST_LIST_OUTPUT", roots[HOSTS], true},
    [HOST_IDS] = {"HOST_LIST_OUTPUT", roots[HOST_IDS], false},
    [DETECTIONS] = {"HOST_LIST_VM_DETECTION_OUTPUT", roots[DETECTIONS], false},
    [VULNERABILITIES] = {"KNOWLEDGE_BASE_VULN_LIST_OUTPUT", roots[VULNERABILITIES], false},
};
static const char *const paths[KINDS] = {
    [HOSTS] = "asset/host/",
    [HOST_IDS] = "asset/host/",
    [DETECTIONS] = "asset/host/vm/detection/",
    [VULNERABILITIES] = "knowledge_base/vuln/",
};
static const char *const names[KINDS] = {"host_list", "host_list", "detections", "knowledge_base"};

#define ENOUGH_PARAMETERS 16
static const char *const parameters[KINDS][ENOUGH_PARAMETERS] = {
    [HOSTS] = {"action=list", "details=All", "show_asset_id=1", "show_tags=1", "show_cloud_tags=1",
	"host_metadata=all", "show_trurisk=1", "show_trurisk_factors=1", NULL},
    [HOST_IDS] = {"action=list", "details=None", "truncation_limit=0", NULL},
    [DETECTIONS] = {"action=list", "truncation_limit=0", "status=New,Active,Re-Opened,Fixed", "show_igs=1",
	"show_results=1", "show_reopened_info=1", "show_qds=1", "show_qds_factors=1", "show_asset_id=1",
	"arf_kernel_filter=1", "include_ignored=1", "include_disabled=1", NULL},
    [VULNERABILITIES] = {"action=list", "details=All", "show_disabled_flag=1", "show_qid_change_log=1",
	"show_supported_modules_info=1", "show_pci_reasons=1", NULL},
};
/* What decides which records come is ours to say, and that nothing is ever done but to list: the Host List has
 * an action that purges. How much is shown of a host means nothing to a list of ids. */
#define RESERVED "action", "ids", "id_min", "id_max", "vm_processed_after", "last_modified_after", NULL
static const char *const reserved[KINDS][ENOUGH_PARAMETERS] = {
    [HOSTS] = {"truncation_limit", RESERVED},
    [HOST_IDS] = {"details", "truncation_limit", "show_asset_id", "show_tags", "show_cloud_tags",
	"host_metadata", "show_trurisk", "show_trurisk_factors", RESERVED},
    [DETECTIONS] = {RESERVED},
    [VULNERABILITIES] = {RESERVED},
};

const char *api_result_name(enum api_result r)
{
	static const char *const text[] = {[API_WHOLE] = "whole",
	    [API_TOO_MANY] = "too many calls at once",
	    [API_TOO_FAST] = "too many calls in the window",
	    [API_BAD_REQUEST] = "bad request",
	    [API_DENIED] = "denied",
	    [API_UNAVAILABLE] = "unavailable",
	    [API_BROKEN] = "broken",
	    [API_STOPPED] = "stopped"};

	return text[r];
}

/* ---- records */

static bool on_host(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct api *a = arg;
	Qidflow__V1__Host *h = (Qidflow__V1__Host *)m;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

	(void)root;
	if (!h->has_id) {
		log_line(LOG_WARN, "a host without an ID is skipped");
		return true;
	}
	set.fetched_at = a->documents[HOSTS].datetime_s;
	set.has_fetched_at = set.fetched_at != 0;
	h->set = &set;
	bool ok = a->fn.host(a->arg, h);
	h->set = NULL;
	return ok;
}

static bool on_host_id(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct api *a = arg;
	const char *text = ((Qidflow__V1__HostId *)m)->value;
	char why[80];

	(void)root;
	if (text && ids_read(a->found, text, strlen(text)))
		return true;
	/* A list with holes would purge hosts. */
	snprintf(why, sizeof(why), "an id that is none: %.40s", text ? text : "");
	document_spoil(&a->documents[HOST_IDS], why);
	return true;
}

static bool on_vulnerability(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct api *a = arg;
	Qidflow__V1__Vulnerability *v = (Qidflow__V1__Vulnerability *)m;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

	(void)root;
	if (!v->has_qid) {
		log_line(LOG_WARN, "a vulnerability without a QID is skipped");
		return true;
	}
	set.fetched_at = a->documents[VULNERABILITIES].datetime_s;
	set.has_fetched_at = set.fetched_at != 0;
	v->set = &set;
	bool ok = a->fn.vulnerability(a->arg, v);
	v->set = NULL;
	return ok;
}

static bool is_wanted(struct api *a, const Qidflow__V1__HostDetections *h)
{
	return h->has_id && ids_has(a->asked, h->id) && !ids_has(&a->seen, h->id);
}

/* A host is skipped whole: pieces without the first ones would never make a host. */
static bool give_piece(struct api *a, Qidflow__V1__HostDetections *h, unsigned part, bool last)
{
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

	a->skipping = a->skipping || !is_wanted(a, h);
	if (a->skipping) {
		if (last && a->strays++ == 0) /* all hosts instead of ours are not worth a line each */
			log_line(LOG_WARN,
			    "host %" PRIu64 " was not asked for, comes twice or has no ID: skipped",
			    h->has_id ? h->id : 0);
		return true;
	}
	if (last)
		ids_add(&a->seen, h->id, h->id);
	set.fetched_at = a->documents[DETECTIONS].datetime_s;
	set.has_fetched_at = set.fetched_at != 0;
	h->set = &set;
	h->has_part = part > 0;
	h->part = part;
	h->has_continued = h->continued = a->inside;
	bool ok = a->fn.detections(a->arg, h, part, last);
	h->set = NULL; /* the reader keeps what is not in the list for the next piece */
	h->has_part = h->has_parts = h->has_continued = 0;
	return ok;
}

static bool on_piece(void *arg, ProtobufCMessage *m, bool inside)
{
	struct api *a = arg;
	bool ok = give_piece(a, (Qidflow__V1__HostDetections *)m, ++a->part, false);

	a->inside = inside;
	return ok;
}

static bool on_detections(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct api *a = arg;
	bool ok = give_piece(a, (Qidflow__V1__HostDetections *)m, a->part ? a->part + 1 : 0, true);

	(void)root;
	a->part = 0;
	a->inside = a->skipping = false;
	return ok;
}

/* ---- opening, calling */

static bool check_parameters(const struct config *c)
{
	for (int k = 0; k < KINDS; k++) {
		char name[64];
		size_t size;

		snprintf(name, sizeof(name), "qualys.parameters.%s", names[k]);
		if (k == HOST_IDS) /* the setting of HOSTS, as far as it applies */
			continue;
		const char *wrong = parameters_wrong(config_text(c, name), reserved[k], &size);
		if (wrong)
			return fail("%s: \"%.*s\" is not of the form name=value, or a parameter that "
				    "qidflow sets itself",
			    name, (int)size, wrong);
	}
	return true;
}

struct api *api_open(const struct config *c)
{
	struct http *http = check_parameters(c) ? http_open(c) : NULL;

	if (!http)
		return NULL;
	struct api *a = xcalloc(1, sizeof(*a));
	a->config = c;
	a->http = http;
	buffer_open(&a->form, CEILING_IDS_TEXT_BYTES + 4096);
	for (int k = 0; k < KINDS; k++) {
		document_open(&a->documents[k], &kinds[k], (size_t)config_number(c, "debug.xml_chunk"));
		a->documents[k].arg = a;
	}
	a->documents[HOSTS].record = on_host;
	a->documents[HOST_IDS].record = on_host_id;
	a->documents[DETECTIONS].record = on_detections;
	a->documents[DETECTIONS].flush = on_piece;
	a->documents[VULNERABILITIES].record = on_vulnerability;
	return a;
}

void api_close(struct api *a)
{
	if (!a)
		return;
	http_close(a->http);
	for (int k = 0; k < KINDS; k++)
		document_close(&a->documents[k]);
	buffer_close(&a->form);
	ids_close(&a->seen);
	free(a);
}

void api_abort(struct api *a, bool on)
{
	http_abort(a->http, on);
}

static bool begin_form(struct api *a, enum kind k)
{
	char name[64];

	snprintf(name, sizeof(name), "qualys.parameters.%s", names[k]);
	buffer_clear(&a->form);
	return parameters_write(&a->form, parameters[k], reserved[k], config_text(a->config, name));
}

static bool add_number(struct api *a, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return n == 0 || parameters_add(&a->form, name, text);
}

static bool add_time(struct api *a, const char *name, int64_t s)
{
	char text[CLOCK_TEXT];

	return s == 0 || parameters_add(&a->form, name, clock_format_api(s, text));
}

static bool add_ids(struct api *a, const struct ids *ids)
{
	return parameters_add(&a->form, "ids", "") && ids_write(ids, &a->form);
}

static void call(struct api *a, enum kind k, bool form_ok, uint64_t id_min, void *arg, struct api_answer *ret)
{
	char name[64];
	struct http_result h;
	struct document *d = &a->documents[k];

	if (!form_ok) {
		*ret = (struct api_answer){.result = API_BAD_REQUEST, .limits = GOVERNOR_NOTHING_TOLD};
		snprintf(ret->text, sizeof(ret->text), "the ids of a call are over %d bytes of text",
		    CEILING_IDS_TEXT_BYTES);
		return;
	}
	snprintf(name, sizeof(name), "qualys.version.%s", names[k]);
	char *path = xasprintf("/api/%s/fo/%s", config_text(a->config, name), paths[k]);
	a->arg = arg;
	a->part = 0;
	a->inside = a->skipping = false;
	a->strays = 0;
	ids_clear(&a->seen);
	meter_add(METER_CALLS, 1);
	document_begin(d, id_min);
	uint64_t before = xml_reader_counts(d->reader)->bytes;
	http_post(a->http, path, a->form.data, a->form.size, &document_http_ops, d, &h);
	document_end(d, &h, ret);
	ret->xml_bytes -= before;
	if (a->strays > 1)
		log_line(LOG_WARN, "%" PRIu64 " hosts of the answer were skipped", a->strays);
	free(path);
}

void api_list_hosts(struct api *a, int64_t processed_after_s, uint64_t id_min, api_host_fn *fn, void *arg,
    struct api_answer *ret)
{
	uint64_t page = (uint64_t)config_number(a->config, "qualys.host_list.page");
	bool ok = begin_form(a, HOSTS) && add_number(a, "truncation_limit", page) &&
		  add_time(a, "vm_processed_after", processed_after_s) && add_number(a, "id_min", id_min);

	a->fn.host = fn;
	call(a, HOSTS, ok, id_min, arg, ret);
}

void api_list_hosts_by_id(
    struct api *a, const struct ids *hosts, api_host_fn *fn, void *arg, struct api_answer *ret)
{
	bool ok =
	    begin_form(a, HOSTS) && parameters_add(&a->form, "truncation_limit", "0") && add_ids(a, hosts);

	a->fn.host = fn;
	call(a, HOSTS, ok, 0, arg, ret);
	if (ret->next_id_min) { /* hosts that were asked for by id have no next page to ask for */
		ret->next_id_min = 0;
		ret->result = API_BROKEN;
		snprintf(ret->text, sizeof(ret->text), "only a part of the hosts that were asked for by id");
	}
}

void api_list_host_ids(struct api *a, struct ids *ret_ids, struct api_answer *ret)
{
	struct ids found = {0};

	a->found = &found;
	call(a, HOST_IDS, begin_form(a, HOST_IDS), 0, NULL, ret);
	if (ret->result == API_WHOLE)
		ids_add_all(ret_ids, &found);
	ids_close(&found);
	a->found = NULL;
}

void api_list_detections(
    struct api *a, const struct ids *hosts, api_detections_fn *fn, void *arg, struct api_answer *ret)
{
	a->asked = hosts;
	a->fn.detections = fn;
	call(a, DETECTIONS, begin_form(a, DETECTIONS) && add_ids(a, hosts), 0, arg, ret);
	a->asked = NULL;
}

void api_list_vulnerabilities(struct api *a, int64_t modified_after_s, uint64_t id_min, uint64_t id_max,
    const struct ids *qids, api_vulnerability_fn *fn, void *arg, struct api_answer *ret)
{
	bool ok = begin_form(a, VULNERABILITIES);

	if (qids)
		ok = ok && add_ids(a, qids);
	else
		ok = ok && add_time(a, "last_modified_after", modified_after_s) &&
		     add_number(a, "id_min", id_min) && add_number(a, "id_max", id_max);
	a->fn.vulnerability = fn;
	call(a, VULNERABILITIES, ok, 0, arg, ret);
}
