/* answer_vulns.c -- the body of the KnowledgeBase. */
#include "answer.h"
#include "vuln_facts.h"
#include "xml_facts.h"

static void close_list(struct answer *a)
{
	if (a->list_open)
		text_buffer_puts(&a->out, "    </VULN_LIST>\n");
	a->phase = ANSWER_FINISH;
}

enum answer_end answer_more_vulns(struct answer *a)
{
	uint32_t index;
	int64_t modified_s;
	do {
		if (!answer_next_index(a, &index)) {
			close_list(a);
			return ANSWER_GOES_ON;
		}
		world_vuln_epoch(a->w, index, &modified_s);
	} while (modified_s < a->r.after_s);
	if (!a->list_open)
		text_buffer_puts(&a->out, "    <VULN_LIST>\n");
	a->list_open = true;
	answer_put_comment(a);
	size_t from = a->out.length;
	a->written++;
	facts_reset(a->arena);
	struct xml_writer w = {.out = &a->out, .shown = a->r.shown, .latin1 = a->latin1};
	xml_put_fact(&w, vuln_facts(a->arena, a->w, index), 3);
	if (!answer_strikes(a))
		return ANSWER_GOES_ON;
	enum answer_end end = answer_break(a, from);
	if (a->phase == ANSWER_FINISH)
		close_list(a);
	return end;
}
