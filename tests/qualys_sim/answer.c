/* answer.c -- the frame of an answer: declaration, DOCTYPE, RESPONSE, WARNING; and how it breaks. */
#include "answer.h"
#include <stdlib.h>
#include "dice.h"
#include "returns.h"
#include "shown.h"
#include "xml_text.h"

static const char *const roots[APIS] = {
    "HOST_LIST_OUTPUT", "HOST_LIST_VM_DETECTION_OUTPUT", "KNOWLEDGE_BASE_VULN_LIST_OUTPUT"};
static const char *const dtds[APIS] = {"asset/host/host_list_output.dtd",
    "asset/host/vm/detection/host_list_vm_detection_output.dtd",
    "knowledge_base/vuln/knowledge_base_vuln_list_output.dtd"};
static const char *const paths[APIS] = {"asset/host/", "asset/host/vm/detection/", "knowledge_base/vuln/"};

static bool trap(const struct answer *a, unsigned n, unsigned one_in)
{
	return a->w->odd && dice_mix2(a->chance, 900 + n) % one_in == 0;
}

static bool strikes_in_body(enum fault f)
{
	return f == FAULT_MID999 || f == FAULT_CUT || f == FAULT_RESET || f == FAULT_SLOW ||
	       f == FAULT_TRUNCGZIP;
}

struct answer *answer_open(
    struct world *w, const struct pool *p, struct request *r, enum fault fault, uint64_t chance)
{
	struct answer *a = sim_alloc(sizeof(*a));
	a->w = w;
	a->pool = p;
	a->r = *r;
	*r = (struct request){0};
	a->fault = fault;
	a->chance = chance;
	a->arena = facts_open();
	a->latin1 = trap(a, 1, 24);
	a->several_lists = trap(a, 2, 8);
	a->comments = trap(a, 3, 8);
	uint64_t items = a->r.total;
	if (a->r.truncation_limit && a->r.truncation_limit < items)
		items = a->r.truncation_limit;
	a->break_at =
	    strikes_in_body(fault) ? (uint32_t)(dice_mix(chance) % (items ? items : 1)) : UINT32_MAX;
	if (a->r.api == API_DETECTIONS)
		a->look = look_get(p, a->r.shown, a->latin1);
	if (a->r.span_count)
		a->at = a->r.spans[0].from;
	return a;
}

void answer_close(struct answer *a)
{
	if (!a)
		return;
	request_free(&a->r);
	facts_close(a->arena);
	text_buffer_free(&a->out);
	free(a);
}

bool answer_next_index(struct answer *a, uint32_t *ret)
{
	while (a->span < a->r.span_count && a->at >= a->r.spans[a->span].to)
		if (++a->span < a->r.span_count)
			a->at = a->r.spans[a->span].from;
	if (a->span >= a->r.span_count)
		return false;
	*ret = a->at++;
	return true;
}

bool answer_is_full(struct answer *a, uint64_t next_id)
{
	if (!a->r.truncation_limit || a->written < a->r.truncation_limit)
		return false;
	a->cut_short = true;
	a->next_id_min = next_id;
	return true;
}

bool answer_strikes(const struct answer *a)
{
	return a->break_at != UINT32_MAX && a->written == a->break_at + 1;
}

static enum answer_end put_mid999(struct answer *a)
{
	returns_put_simple(
	    &a->out, world_now_s(a->w), 999, "Internal Error. Please try again later.", NULL, 0, false);
	a->phase = ANSWER_FINISH;
	return ANSWER_GOES_ON;
}

enum answer_end answer_break(struct answer *a, size_t item_from)
{
	a->break_at = UINT32_MAX;
	switch (a->fault) {
	case FAULT_SLOW: return ANSWER_PAUSE;
	case FAULT_MID999: return put_mid999(a);
	default: break;
	}
	a->out.length = item_from + (a->out.length - item_from) / 2;
	a->phase = ANSWER_OVER;
	return a->fault == FAULT_RESET ? ANSWER_RESET : ANSWER_DONE;
}

void answer_put_comment(struct answer *a)
{
	if (a->comments && dice_mix2(a->chance, a->written) % 10 == 0)
		text_buffer_printf(&a->out, "<!-- keep-alive for %s  -->\n", roots[a->r.api]);
}

static void put_start(struct answer *a)
{
	static const char *const utf8[] = {"<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n",
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "<?xml version='1.0' encoding='utf-8'?>\r\n"};
	if (trap(a, 4, 16))
		text_buffer_puts(&a->out, "\r\n \t\n");
	if (a->latin1)
		text_buffer_puts(&a->out, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n");
	else if (!trap(a, 5, 16))
		text_buffer_puts(&a->out, utf8[a->w->odd ? dice_mix2(a->chance, 6) % 3 : 0]);
	if (!trap(a, 7, 16))
		text_buffer_printf(&a->out,
		    "<!DOCTYPE %s SYSTEM \"https://qualysapi.example.invalid/api/%s/fo/%s\">\n",
		    roots[a->r.api], a->r.version, dtds[a->r.api]);
	if (trap(a, 8, 3))
		text_buffer_puts(
		    &a->out, "<!-- This report was generated with an evaluation version of Qualys //--> \n");
	char date[FACTS_DATE_BYTES + 1];
	facts_write_date(world_now_s(a->w), date);
	text_buffer_printf(
	    &a->out, "<%s>\n  <RESPONSE>\n    <DATETIME>%s</DATETIME>\n", roots[a->r.api], date);
	a->phase = ANSWER_ITEMS;
}

static void put_page_warning(struct answer *a)
{
	struct text_buffer url = {0};
	text_buffer_printf(&url, "https://qualysapi.example.invalid/api/%s/fo/%s?%s&id_min=%llu",
	    a->r.version, paths[a->r.api], a->r.next_query, (unsigned long long)a->next_id_min);
	text_buffer_printf(&a->out,
	    "    <WARNING>\n      <CODE>1980</CODE>\n      <TEXT>%llu record limit exceeded. Use URL to get "
	    "next batch of "
	    "results.</TEXT>\n      <URL>",
	    (unsigned long long)a->r.truncation_limit);
	xml_put_text(&a->out, url.bytes, url.length, !trap(a, 9, 4), a->latin1, 0);
	text_buffer_puts(&a->out, "</URL>\n    </WARNING>\n");
	text_buffer_free(&url);
}

static enum answer_end put_finish(struct answer *a)
{
	size_t from = a->out.length;
	if (a->cut_short)
		put_page_warning(a);
	else if (a->fault == FAULT_WARN)
		text_buffer_puts(&a->out,
		    "    <WARNING>\n      <CODE>1982</CODE>\n      <TEXT>Some records could not be "
		    "processed at this time.</TEXT>\n    </WARNING>\n");
	text_buffer_printf(&a->out, "  </RESPONSE>\n</%s>\n", roots[a->r.api]);
	if (a->break_at != UINT32_MAX) /* fewer items than expected: it strikes at the end */
		switch (a->fault) {
		case FAULT_MID999:
			a->out.length = from;
			put_mid999(a);
			text_buffer_printf(&a->out, "  </RESPONSE>\n</%s>\n", roots[a->r.api]);
			a->phase = ANSWER_OVER;
			return ANSWER_DONE;
		case FAULT_SLOW: break;
		default: return answer_break(a, from);
		}
	if (trap(a, 8, 3))
		text_buffer_puts(
		    &a->out, "<!-- This report was generated with an evaluation version of Qualys //--> \n");
	text_buffer_puts(&a->out, "<!-- CONFIDENTIAL AND PROPRIETARY INFORMATION. //--> \n");
	a->phase = ANSWER_OVER;
	return ANSWER_DONE;
}

enum answer_end answer_more(struct answer *a)
{
	switch (a->phase) {
	case ANSWER_START: put_start(a); return ANSWER_GOES_ON;
	case ANSWER_FINISH: return put_finish(a);
	case ANSWER_OVER: return ANSWER_DONE;
	case ANSWER_ITEMS: break;
	}
	if (a->r.ids_only)
		return answer_more_ids(a);
	switch (a->r.api) {
	case API_HOST_LIST: return answer_more_hosts(a);
	case API_DETECTIONS: return answer_more_detections(a);
	default: return answer_more_vulns(a);
	}
}
