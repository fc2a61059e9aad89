/* request.h -- what a call asks for, or why it is refused. */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H
#include <stdbool.h>
#include <stdint.h>
#include "parameters.h"
#include "world.h"

enum api { API_HOST_LIST, API_DETECTIONS, API_KNOWLEDGE_BASE, APIS };
extern const char *const api_names[APIS];

struct span { /* of indexes of hosts or QIDs: from, up to but without `to` */
	uint32_t from, to;
};

struct request {
	enum api api;
	unsigned shown, statuses; /* SHOW_…; bits of enum slot_status */
	bool ids_only, by_ids, informations, ignored, disabled;
	struct span *spans;
	uint32_t span_count, total; /* total: indexes in the spans */
	uint64_t truncation_limit;  /* 0: none */
	int64_t after_s;
	char version[8];
	char *next_query; /* the parameters again without id_min, for a page's URL */
};

struct refusal {
	int status, code; /* HTTP, SIMPLE_RETURN */
	char text[400];
};

/* false: refused. */
bool request_read(const struct world *w, enum api api, const char *version, const struct parameters *p,
    struct request *ret, struct refusal *ret_refusal);
void request_free(struct request *r);
#endif
