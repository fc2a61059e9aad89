/* request.c -- the parameters that each API knows. Names are case-sensitive; what is unknown or ill-formed is refused in
 * the API's words, so that a client's slip shows at once. */
#include "request.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"
#include "shown.h"
#include "text_buffer.h"

const char *const api_names[APIS] = {"host_list", "detections", "knowledge_base"};

enum kind {
	P_ACTION,
	P_DETAILS,
	P_SHOW,
	P_METADATA,
	P_LEVEL,
	P_LIMIT,
	P_IDS,
	P_ID_MIN,
	P_ID_MAX,
	P_AFTER,
	P_STATUS,
	P_IGS,
	P_IGNORED,
	P_DISABLED,
	P_FORMAT,
	P_ECHO
};
#define HL  (1U << API_HOST_LIST)
#define HLD (1U << API_DETECTIONS)
#define KB  (1U << API_KNOWLEDGE_BASE)

static const struct row {
	const char *name;
	unsigned apis;
	enum kind kind;
	unsigned shows;
} rows[] = {
    {"action", HL | HLD | KB, P_ACTION, 0},
    {"details", HL | KB, P_DETAILS, 0},
    {"echo_request", HL | HLD | KB, P_ECHO, 0},
    {"output_format", HL | HLD, P_FORMAT, 0},
    {"truncation_limit", HL | HLD, P_LIMIT, 0},
    {"ids", HL | HLD | KB, P_IDS, 0},
    {"id_min", HL | HLD | KB, P_ID_MIN, 0},
    {"id_max", HL | HLD | KB, P_ID_MAX, 0},
    {"vm_processed_after", HL | HLD, P_AFTER, 0},
    {"last_modified_after", KB, P_AFTER, 0},
    {"show_asset_id", HL | HLD, P_SHOW, SHOW_ASSET_ID},
    {"show_tags", HL | HLD, P_SHOW, SHOW_TAGS},
    {"show_cloud_tags", HL | HLD, P_SHOW, SHOW_CLOUD_TAGS},
    {"host_metadata", HL | HLD, P_METADATA, SHOW_METADATA},
    {"show_trurisk", HL, P_SHOW, SHOW_TRURISK},
    {"show_trurisk_factors", HL, P_SHOW, SHOW_TRURISK_FACTORS},
    {"show_ars", HL, P_SHOW, SHOW_TRURISK},
    {"show_ars_factors", HL, P_SHOW, SHOW_TRURISK_FACTORS},
    {"status", HLD, P_STATUS, 0},
    {"show_igs", HLD, P_IGS, 0},
    {"show_results", HLD, P_SHOW, SHOW_RESULTS},
    {"show_reopened_info", HLD, P_SHOW, SHOW_REOPENED},
    {"show_qds", HLD, P_SHOW, SHOW_QDS},
    {"show_qds_factors", HLD, P_SHOW, SHOW_QDS_FACTORS},
    {"arf_kernel_filter", HLD, P_LEVEL, SHOW_ARF},
    {"arf_service_filter", HLD, P_LEVEL, SHOW_ARF},
    {"arf_config_filter", HLD, P_LEVEL, SHOW_ARF},
    {"include_ignored", HLD, P_IGNORED, 0},
    {"include_disabled", HLD, P_DISABLED, 0},
    {"show_disabled_flag", KB, P_SHOW, SHOW_DISABLED},
    {"show_qid_change_log", KB, P_SHOW, SHOW_CHANGE_LOG},
    {"show_supported_modules_info", KB, P_SHOW, SHOW_MODULES},
    {"show_pci_reasons", KB, P_SHOW, SHOW_PCI_REASONS},
};

/* While the parameters are read. */
struct reading {
	const struct world *w;
	struct request r;
	struct refusal *refusal;
	struct id_range *ids;
	uint32_t id_count;
	uint64_t id_min, id_max;
	bool action;
};

static bool refuse(struct reading *g, int code, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(g->refusal->text, sizeof(g->refusal->text), format, list);
	va_end(list);
	g->refusal->status = 400;
	g->refusal->code = code;
	return false;
}

static bool refuse_value(struct reading *g, const struct parameter *p)
{
	return refuse(g, 1905, "parameter %s has invalid value: %.200s", p->name, p->value);
}

static bool read_flag(const struct parameter *p, bool *ret)
{
	*ret = p->value[0] == '1';
	return (p->value[0] == '0' || p->value[0] == '1') && p->value[1] == 0;
}

static bool read_statuses(struct request *r, const char *text)
{
	static const char *const names[] = {"New", "Active", "Fixed", "Re-Opened"};
	r->statuses = 0;
	while (*text) {
		size_t length = strcspn(text, ",");
		unsigned bit = 0;
		for (unsigned i = 0; i < 4; i++)
			if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
				bit = 1U << i;
		if (!bit)
			return false;
		r->statuses |= bit;
		text += length + (text[length] == ',');
	}
	return r->statuses != 0;
}

static bool read_details(struct request *r, const char *text)
{
	r->ids_only = strcmp(text, "None") == 0;
	bool all = strncmp(text, "All", 3) == 0 && (text[3] == 0 || strcmp(text + 3, "/AGs") == 0);
	if (all)
		r->shown |= SHOW_ALL;
	return r->ids_only || all || strcmp(text, "Basic") == 0 || strcmp(text, "Basic/AGs") == 0;
}

static bool read_show(struct request *r, unsigned shows, bool on)
{
	r->shown = on ? r->shown | shows : r->shown & ~shows;
	return true;
}

static bool read_one(struct reading *g, const struct row *row, const struct parameter *p)
{
	struct request *r = &g->r;
	const char *v = p->value;
	char bad[64];
	bool on;
	switch (row->kind) {
	case P_ACTION: return g->action = strcmp(v, "list") == 0;
	case P_DETAILS: return read_details(r, v);
	case P_FORMAT: return strcmp(v, "XML") == 0;
	case P_ECHO: return strcmp(v, "0") == 0;
	case P_SHOW: return read_flag(p, &on) && read_show(r, row->shows, on);
	case P_LEVEL:
		return v[0] >= '0' && v[0] <= '4' && v[1] == 0 &&
		       (v[0] == '0' || read_show(r, row->shows, true));
	case P_METADATA: return strcmp(v, "all") == 0 && read_show(r, row->shows, true);
	case P_LIMIT: return parameter_read_number(v, &r->truncation_limit);
	case P_ID_MIN: return parameter_read_number(v, &g->id_min);
	case P_ID_MAX: return parameter_read_number(v, &g->id_max);
	case P_AFTER: return parameter_read_date(v, &r->after_s);
	case P_STATUS: return read_statuses(r, v);
	case P_IGS: return read_flag(p, &r->informations);
	case P_IGNORED: return read_flag(p, &r->ignored);
	case P_DISABLED: return read_flag(p, &r->disabled);
	case P_IDS:
		free(g->ids);
		g->ids = NULL;
		if (parameter_read_ids(v, &g->ids, &g->id_count, bad))
			return true;
		return refuse(g, 1905,
		    "parameter ids has invalid value: %.100s (neither a positive integer nor a range: %s)", v,
		    bad);
	}
	return false;
}

static bool read_all(struct reading *g, const struct parameters *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct row *row = NULL;
		for (size_t n = 0; n < sizeof(rows) / sizeof(*rows); n++)
			if ((rows[n].apis & 1U << g->r.api) && strcmp(rows[n].name, p->list[i].name) == 0)
				row = &rows[n];
		if (!row)
			return refuse(g, 1901, "Unrecognized parameter(s): %.200s", p->list[i].name);
		if (!read_one(g, row, &p->list[i]))
			return g->refusal->code ? false : refuse_value(g, &p->list[i]);
	}
	if (!g->action)
		return refuse(g, 1903, "Missing required parameter(s): action");
	if (g->r.api == API_KNOWLEDGE_BASE && g->id_count > 500)
		return refuse(g, 1905, "parameter ids has invalid value: more than 500 items");
	return true;
}

static uint32_t index_of(const struct reading *g, uint64_t id)
{
	return g->r.api == API_KNOWLEDGE_BASE ? world_vuln_index(g->w, id) : world_host_index(g->w, id);
}

static void set_spans(struct reading *g)
{
	struct id_range all = {0, UINT64_MAX - 1}, *ids = g->ids ? g->ids : &all;
	uint32_t count = g->ids ? g->id_count : 1, low = index_of(g, g->id_min),
		 high = index_of(g, g->id_max + 1);
	g->r.spans = sim_alloc(count * sizeof(*g->r.spans));
	g->r.by_ids = g->ids != NULL;
	for (uint32_t i = 0; i < count; i++) {
		struct span s = {index_of(g, ids[i].low), index_of(g, ids[i].high + 1)};
		s.from = s.from > low ? s.from : low;
		s.to = s.to < high ? s.to : high;
		if (s.from >= s.to)
			continue;
		g->r.spans[g->r.span_count++] = s;
		g->r.total += s.to - s.from;
	}
}

static char *next_query(const struct parameters *p)
{
	struct text_buffer b = {0};
	for (uint32_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i].name, "id_min") != 0)
			text_buffer_printf(
			    &b, "%s%s=%s", b.length ? "&" : "", p->list[i].name, p->list[i].value);
	text_buffer_put_byte(&b, 0);
	return b.bytes;
}

bool request_read(const struct world *w, enum api api, const char *version, const struct parameters *p,
    struct request *ret, struct refusal *ret_refusal)
{
	struct reading g = {.w = w, .refusal = ret_refusal, .id_max = UINT64_MAX - 1, .r.api = api};
	*ret_refusal = (struct refusal){0};
	snprintf(g.r.version, sizeof(g.r.version), "%s", version);
	g.r.statuses = 1U << SLOT_NEW | 1U << SLOT_ACTIVE | 1U << SLOT_REOPENED;
	g.r.truncation_limit = api == API_KNOWLEDGE_BASE ? 0 : 1000;
	g.r.shown = (api == API_DETECTIONS ? SHOW_RESULTS : 0) | (version[0] >= '5' ? SHOW_V5 : 0);
	bool good = read_all(&g, p);
	if (good) {
		set_spans(&g);
		g.r.next_query = next_query(p);
		*ret = g.r;
	}
	free(g.ids);
	return good;
}

void request_free(struct request *r)
{
	free(r->spans);
	free(r->next_query);
	*r = (struct request){0};
}
