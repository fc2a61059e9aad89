/* stats.c -- counting and telling. */
#include "stats.h"
#include <stdio.h>
#include "faults.h"
#include "json_facts.h"

void stats_open(struct stats *s)
{
	pthread_mutex_init(&s->lock, NULL);
}

void stats_reset(struct stats *s, struct world *w)
{
	pthread_mutex_lock(&s->lock);
	memset(s->api, 0, sizeof(s->api));
	s->connections = 0;
	s->line_count = 0;
	pthread_mutex_unlock(&s->lock);
	uint32_t hosts = atomic_load(&w->hosts);
	for (uint32_t i = 0; i < hosts; i++) {
		atomic_store(&w->cells[i].asked, 0);
		atomic_store(&w->cells[i].whole, 0);
	}
}

static void add(struct stats_count list[STATS_CODES], int key)
{
	int i = 0;
	while (i < STATS_CODES - 1 && list[i].count && list[i].key != key)
		i++;
	list[i].key = key;
	list[i].count++;
}

void stats_call(struct stats *s, enum api api)
{
	pthread_mutex_lock(&s->lock);
	s->api[api].calls++;
	pthread_mutex_unlock(&s->lock);
}

void stats_answer(struct stats *s, enum api api, int status, int code, int fault)
{
	pthread_mutex_lock(&s->lock);
	add(s->api[api].by_status, status);
	if (code)
		add(s->api[api].by_code, code);
	if (fault)
		add(s->api[api].by_fault, fault);
	pthread_mutex_unlock(&s->lock);
}

void stats_bytes(struct stats *s, enum api api, uint64_t xml, uint64_t wire)
{
	pthread_mutex_lock(&s->lock);
	s->api[api].xml_bytes += xml;
	s->api[api].wire_bytes += wire;
	pthread_mutex_unlock(&s->lock);
}

void stats_line(struct stats *s, const char *line)
{
	pthread_mutex_lock(&s->lock);
	snprintf(s->lines[s->line_count++ % STATS_LINES], sizeof(s->lines[0]), "%s", line);
	pthread_mutex_unlock(&s->lock);
}

static void put_counts(struct text_buffer *out, const char *name, const struct stats_count *list, bool fault)
{
	text_buffer_printf(out, "\"%s\":{", name);
	for (int i = 0; i < STATS_CODES && list[i].count; i++) {
		text_buffer_puts(out, i ? ",\"" : "\"");
		if (fault)
			text_buffer_puts(out, fault_names[list[i].key]);
		else
			text_buffer_printf(out, "%d", list[i].key);
		text_buffer_printf(out, "\":%llu", (unsigned long long)list[i].count);
	}
	text_buffer_puts(out, "},");
}

static void put_api(const struct stats_api *a, struct limits *l, const char *name, struct text_buffer *out)
{
	text_buffer_printf(out, "\"%s\":{\"calls\":%llu,", name, (unsigned long long)a->calls);
	put_counts(out, "by_status", a->by_status, false);
	put_counts(out, "by_code", a->by_code, false);
	put_counts(out, "faults", a->by_fault, true);
	pthread_mutex_lock(&l->lock);
	text_buffer_printf(out,
	    "\"running\":%u,\"most_at_once\":%u,\"mean_at_once_while_work\":%.4f,\"work_seconds\":%.3f,"
	    "\"waited_seconds\":%.3f,\"limits_broken\":%llu,\"rate_refused\":%llu,\"calls_before_wait_over\":"
	    "%llu,",
	    l->running, l->most, limits_mean(l), l->work, l->waited, (unsigned long long)l->broken,
	    (unsigned long long)l->rate_refused, (unsigned long long)l->early);
	pthread_mutex_unlock(&l->lock);
	text_buffer_printf(out, "\"bytes\":%llu,\"wire_bytes\":%llu}", (unsigned long long)a->xml_bytes,
	    (unsigned long long)a->wire_bytes);
}

/* {"0":17,"1":1983}: how many hosts were asked for so often, and delivered whole so often. */
static void put_fetches(const struct world *w, struct text_buffer *out)
{
	enum { MOST = 32 };
	uint64_t asked[MOST] = {0}, whole[MOST] = {0};
	uint32_t hosts = atomic_load(&w->hosts);
	for (uint32_t i = 0; i < hosts; i++) {
		uint32_t a = atomic_load(&w->cells[i].asked), b = atomic_load(&w->cells[i].whole);
		asked[a < MOST ? a : MOST - 1]++;
		whole[b < MOST ? b : MOST - 1]++;
	}
	const uint64_t *lists[] = {asked, whole};
	static const char *const names[] = {"\"fetches\":{\"asked\":{", "},\"whole\":{"};
	for (int n = 0; n < 2; n++) {
		text_buffer_puts(out, names[n]);
		const char *comma = "";
		for (int i = 0; i < MOST; i++) {
			if (!lists[n][i])
				continue;
			text_buffer_printf(out, "%s\"%d\":%llu", comma, i, (unsigned long long)lists[n][i]);
			comma = ",";
		}
	}
	text_buffer_puts(out, "}},");
}

static void put_hosts(const struct world *w, struct text_buffer *out)
{
	uint32_t hosts = atomic_load(&w->hosts);
	text_buffer_puts(out, "\"hosts\":{");
	for (uint32_t i = 0; i < hosts; i++)
		text_buffer_printf(out, "%s\"%llu\":[%u,%u]", i ? "," : "",
		    (unsigned long long)world_host_id(w, i), atomic_load(&w->cells[i].asked),
		    atomic_load(&w->cells[i].whole));
	text_buffer_puts(out, "},");
}

void stats_put_json(
    struct stats *s, struct limits limits[APIS], const struct world *w, bool hosts, struct text_buffer *out)
{
	text_buffer_puts(out, "{");
	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < APIS; i++) {
		put_api(&s->api[i], &limits[i], api_names[i], out);
		text_buffer_puts(out, ",");
	}
	put_fetches(w, out);
	if (hosts)
		put_hosts(w, out);
	text_buffer_printf(
	    out, "\"connections\":%llu,\"requests\":[", (unsigned long long)atomic_load(&s->connections));
	uint64_t from = s->line_count > STATS_LINES ? s->line_count - STATS_LINES : 0;
	for (uint64_t i = from; i < s->line_count; i++) {
		const char *line = s->lines[i % STATS_LINES];
		text_buffer_puts(out, i > from ? ",\n" : "\n");
		json_put_string(out, line, strlen(line));
	}
	text_buffer_puts(out, "]}\n");
	pthread_mutex_unlock(&s->lock);
}
