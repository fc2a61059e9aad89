/* stats.h -- what the client did: counts by API, and the last requests for whoever debugs a test. */
#ifndef SIM_STATS_H
#define SIM_STATS_H
#include <pthread.h>
#include <stdint.h>
#include "limits.h"
#include "request.h"
#include "text_buffer.h"
#include "world.h"

#define STATS_CODES 24
#define STATS_LINES 24

struct stats_count {
	int key;
	uint64_t count;
};

struct stats_api {
	uint64_t calls, xml_bytes, wire_bytes;
	struct stats_count by_status[STATS_CODES], by_code[STATS_CODES], by_fault[STATS_CODES];
};

struct stats {
	pthread_mutex_t lock;
	struct stats_api api[APIS];
	_Atomic uint64_t connections;
	char lines[STATS_LINES][400];
	uint64_t line_count;
};

void stats_open(struct stats *s);
void stats_reset(struct stats *s, struct world *w);
void stats_call(struct stats *s, enum api api);
void stats_answer(struct stats *s, enum api api, int status, int code, int fault);
void stats_bytes(struct stats *s, enum api api, uint64_t xml, uint64_t wire);
void stats_line(struct stats *s, const char *line);
void stats_put_json(
    struct stats *s, struct limits limits[APIS], const struct world *w, bool hosts, struct text_buffer *out);
#endif
