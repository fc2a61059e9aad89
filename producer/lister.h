/* lister.h -- a thread of the coordinator that makes the calls of one list: Host List, or the KnowledgeBase.
 *
 * It publishes what comes (qidflow.hosts, qidflow.vulnerabilities), keeps the limits of its API by the governor it is given, waits and
 * asks again as often as it takes, and leaves news for the coordinator. While the API is down for detections it waits with them. */
#ifndef LISTER_H
#define LISTER_H
#include <stdbool.h>
#include <stdint.h>
#include "api.h"
#include "delivery.h"
#include "ids.h"

struct config;
struct progress;
struct transport;

struct lister_run { /* what every message of the run carries, and where it goes */
	const struct config *config;
	struct transport *transport;
	struct progress *progress; /* for the numbers of calls */
	struct delivery *delivery;
	uint64_t run;
	int64_t started_at;
};

struct lister_news {
	struct ids ids; /* hosts listed, or QIDs published, since the last look */
	uint64_t count; /* the same, as they came */
	uint64_t xml_bytes;
	int64_t waited_ms, at_once; /* at_once: what the API told of its limit, -1: nothing */
	uint64_t calls, given_up;   /* given_up: vulnerabilities that break their answers */
	bool done;
	enum api_result result; /* when done: API_WHOLE, or why it ended */
	char text[512];
	int http_status;
};

struct lister;
/* g: of this API, the caller's; lists of one API do not run at the same time. NULL: logged.
 * after_s: hosts processed since (0: all); or exactly `hosts`, where it is not NULL. */
struct lister *lister_hosts(
    const struct lister_run *r, struct governor *g, int64_t after_s, const struct ids *hosts);
/* after_s: modified since (0: all); then exactly `qids`, where it is not empty. */
struct lister *lister_knowledge_base(
    const struct lister_run *r, struct governor *g, int64_t after_s, const struct ids *qids);
/* Host ids only (details=None): news.ids is the whole list, once it is done. datetime_s: news of the API's clock. */
struct lister *lister_host_ids(const struct lister_run *r, struct governor *g);
int64_t lister_datetime_s(struct lister *l); /* of the last whole answer; 0: none yet */

void lister_take(
    struct lister *l, struct lister_news *ret_news); /* ret_news->ids is added to; the rest is replaced */
void lister_hold(struct lister *l, bool down); /* the API is known to be down: make no call until it is up */
void lister_stop(struct lister *l);            /* its call ends, lister_take() tells API_STOPPED */
void lister_close(struct lister *l);           /* stops and waits for the thread */
#endif
