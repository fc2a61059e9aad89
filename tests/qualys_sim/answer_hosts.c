/* answer_hosts.c -- the bodies of the Host List, whole and ids only. */
#include "answer.h"
#include "dice.h"
#include "host_facts.h"
#include "xml_facts.h"

/* The next host that the Host List would list. */
static bool next_host(struct answer *a, struct host *ret)
{
	uint32_t index;
	while (answer_next_index(a, &index))
		if (world_is_listed(a->w, index) && world_host(a->w, index, ret) &&
		    ret->processed_s >= a->r.after_s)
			return true;
	return false;
}

static void close_list(struct answer *a)
{
	if (a->list_open)
		text_buffer_puts(&a->out, "    </HOST_LIST>\n");
	a->list_open = false;
	a->phase = ANSWER_FINISH;
}

enum answer_end answer_more_hosts(struct answer *a)
{
	struct host h;
	if (!next_host(a, &h) || answer_is_full(a, h.id)) {
		close_list(a);
		return ANSWER_GOES_ON;
	}
	if (!a->list_open)
		text_buffer_puts(&a->out, "    <HOST_LIST>\n");
	else if (a->several_lists && dice_mix2(a->chance, h.id) % 10 == 0)
		text_buffer_puts(&a->out, "    </HOST_LIST>\n    <HOST_LIST>\n");
	a->list_open = true;
	answer_put_comment(a);
	size_t from = a->out.length;
	a->written++;
	facts_reset(a->arena);
	struct xml_writer w = {.out = &a->out, .shown = a->r.shown, .latin1 = a->latin1};
	xml_put_fact(&w, host_list_facts(a->arena, a->w, &h), 3);
	if (!answer_strikes(a))
		return ANSWER_GOES_ON;
	enum answer_end end = answer_break(a, from);
	if (a->phase == ANSWER_FINISH)
		close_list(a);
	return end;
}

static void flush_run(struct answer *a)
{
	if (!a->run_to)
		return;
	if (!a->list_open)
		text_buffer_puts(&a->out, "    <ID_SET>\n");
	a->list_open = true;
	if (a->run_from == a->run_to)
		text_buffer_printf(&a->out, "      <ID>%llu</ID>\n", (unsigned long long)a->run_from);
	else
		text_buffer_printf(&a->out, "      <ID_RANGE>%llu-%llu</ID_RANGE>\n",
		    (unsigned long long)a->run_from, (unsigned long long)a->run_to);
	a->run_to = 0;
}

static bool next_id(struct answer *a, uint64_t *ret)
{
	struct host h;
	uint32_t index;
	int64_t modified_s;
	if (a->r.api != API_KNOWLEDGE_BASE) {
		if (!next_host(a, &h))
			return false;
		*ret = h.id;
		return true;
	}
	while (answer_next_index(a, &index)) {
		world_vuln_epoch(a->w, index, &modified_s);
		*ret = world_qid(a->w, index);
		if (modified_s >= a->r.after_s)
			return true;
	}
	return false;
}

static void close_ids(struct answer *a)
{
	flush_run(a);
	if (a->list_open)
		text_buffer_puts(&a->out, "    </ID_SET>\n");
	a->phase = ANSWER_FINISH;
}

enum answer_end answer_more_ids(struct answer *a)
{
	uint64_t id;
	if (!next_id(a, &id) || answer_is_full(a, id)) {
		close_ids(a);
		return ANSWER_GOES_ON;
	}
	a->written++;
	size_t from = a->out.length;
	if (a->run_to && a->run_to + 1 == id) {
		a->run_to = id;
	} else {
		flush_run(a);
		a->run_from = a->run_to = id;
	}
	if (!answer_strikes(a))
		return ANSWER_GOES_ON;
	flush_run(a);
	enum answer_end end = answer_break(a, from);
	if (a->phase == ANSWER_FINISH && a->list_open)
		text_buffer_puts(&a->out, "    </ID_SET>\n");
	return end;
}
