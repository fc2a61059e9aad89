/* api.h -- the calls we make of the Qualys VM API, and what can become of them.
 *
 * Each function is one HTTP call and blocks; nothing is retried here, nothing sleeps, no limit is kept:
 * whoever calls has the permission (a Batch, or the coordinator's own governor). A struct api belongs to one
 * thread and keeps its connection. */
#ifndef API_H
#define API_H
#include <stdbool.h>
#include <stdint.h>
#include "governor.h"
#include "ids.h"
#include "qidflow/v1/records.pb-c.h"

struct config;
struct api;
/* Only a WHOLE, BROKEN or STOPPED answer can have called back. */
enum api_result {
	API_WHOLE,       /* root closed, nothing in it said otherwise; a page's WARNING 1980: next_id_min */
	API_TOO_MANY,    /* 1960, 1920: closed until a call ends; ask again */
	API_TOO_FAST,    /* 1965, 429, 409 without a code: wait limits.wait_ms, everybody; ask again */
	API_BAD_REQUEST, /* 400, 404 and the like, 19xx: fails for good, show the text */
	API_DENIED,      /* 401, 403, 20xx with any status: stop, keep what is done */
	API_UNAVAILABLE, /* 202, 5xx, 999, no connection, HTML, empty: nothing began; full jitter */
	API_BROKEN,      /* began and broke: cut, SIMPLE_RETURN within, WARNING: ask for the rest */
	API_STOPPED      /* stop was requested, or a callback said so */
};
const char *api_result_name(enum api_result r);

struct api_answer {
	enum api_result result;
	int http_status, code; /* 0: none came. code: of SIMPLE_RETURN, WARNING */
	char text[512];        /* for people: what it said, or what the network said */
	int64_t datetime_s;    /* RESPONSE/DATETIME; 0: none came */
	struct governor_limits limits;
	uint64_t next_id_min, xml_bytes, wire_bytes; /* next_id_min 0: this page was the last */
	int64_t first_byte_ms, duration_ms;
};
/* Records are in an arena that is reset when the callback returns. false: stop. */
typedef bool api_host_fn(void *arg, Qidflow__V1__Host *host);
typedef bool api_vulnerability_fn(void *arg, Qidflow__V1__Vulnerability *v);
/* A host, or a piece of one (part = 1 .., it and `continued` are set in it; 0 where it came in one), packed at
 * most about CEILING_PART_BYTES. `last`: its </HOST> was read. Set and parts are the caller's to fill. */
typedef bool api_detections_fn(void *arg, Qidflow__V1__HostDetections *piece, unsigned part, bool last);

struct api *api_open(const struct config *c); /* NULL: settings are bad, logged */
void api_close(struct api *a);
void api_abort(struct api *a, bool on); /* from any thread: a running call ends with API_STOPPED */

/* processed_after_s: API's clock, 0: all. id_min: 0 for the first page. */
void api_list_hosts(struct api *a, int64_t processed_after_s, uint64_t id_min, api_host_fn *fn, void *arg,
    struct api_answer *ret);
void api_list_hosts_by_id(
    struct api *a, const struct ids *hosts, api_host_fn *fn, void *arg, struct api_answer *ret);
void api_list_host_ids(struct api *a, struct ids *ret_ids, struct api_answer *ret); /* details=None */
void api_list_detections(
    struct api *a, const struct ids *hosts, api_detections_fn *fn, void *arg, struct api_answer *ret);
/* modified_after_s 0: all; id_min..id_max 0: open; or exactly `qids`, at most 500; NULL: by range. */
void api_list_vulnerabilities(struct api *a, int64_t modified_after_s, uint64_t id_min, uint64_t id_max,
    const struct ids *qids, api_vulnerability_fn *fn, void *arg, struct api_answer *ret);
#endif
