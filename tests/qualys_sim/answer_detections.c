/* answer_detections.c -- the body of the Host List Detection: the hot path. A detection is copies of rendered pieces; only
 * its unique id is printed and its dates are patched in. A host that has nothing to show is left out, so it is opened
 * at its first detection. A host of any size is written a few hundred detections at a time. */
#include "answer.h"
#include "dice.h"
#include "host_facts.h"
#include "shown.h"
#include "xml_facts.h"

#define OPEN    "          <DETECTION>\n"
#define ID_OPEN "            <UNIQUE_VULN_ID>"
#define ID_END  "</UNIQUE_VULN_ID>\n"
#define CLOSE   "          </DETECTION>\n"
#define STEP    200 /* detections */

static bool is_shown(const struct answer *a, const struct slot *s)
{
	const struct pool_tail *t = &a->pool->tails[s->status][s->tail];
	return (a->r.statuses & 1U << s->status) &&
	       (a->r.informations || !a->pool->findings[s->finding].info) && (a->r.ignored || !t->ignored) &&
	       (a->r.disabled || !t->disabled);
}

static bool next_slot(struct answer *a, struct slot *ret)
{
	while (a->slot < a->host.slots)
		if (world_slot(a->w, &a->host, a->slot++, ret) && is_shown(a, ret))
			return true;
	return false;
}

static void put_piece(struct answer *a, const struct look_piece *p)
{
	text_buffer_put(&a->out, a->look->xml.bytes + p->at, p->length);
}

static void put_tail(struct answer *a, const struct look_piece *p)
{
	size_t from = a->out.length;
	put_piece(a, p);
	for (unsigned i = 0; i < p->holes.count; i++)
		memcpy(a->out.bytes + from + p->holes.list[i].at,
		    p->holes.list[i].hole == HOLE_SCANNED ? a->scanned : a->processed, FACTS_DATE_BYTES);
}

static void put_detection(struct answer *a, const struct slot *s)
{
	text_buffer_put(
	    &a->out, OPEN ID_OPEN, a->w->unique_ids ? sizeof(OPEN ID_OPEN) - 1 : sizeof(OPEN) - 1);
	if (a->w->unique_ids) {
		text_buffer_put_number(&a->out, s->unique_id);
		text_buffer_put(&a->out, ID_END, sizeof(ID_END) - 1);
	}
	put_piece(a, &a->look->findings[s->finding]);
	if (a->r.shown & SHOW_RESULTS)
		put_piece(a, s->big_results ? &a->look->big_results : &a->look->results[s->results]);
	put_tail(a, &a->look->tails[s->status][s->tail]);
	text_buffer_put(&a->out, CLOSE, sizeof(CLOSE) - 1);
}

static bool is_poison(const struct answer *a)
{
	return atomic_load_explicit(&a->w->poison, memory_order_relaxed) == a->host.index;
}

static void open_host(struct answer *a)
{
	if (!a->list_open)
		text_buffer_puts(&a->out, "    <HOST_LIST>\n");
	else if (a->several_lists && dice_mix2(a->chance, a->host.id) % 10 == 0)
		text_buffer_puts(&a->out, "    </HOST_LIST>\n    <HOST_LIST>\n");
	a->list_open = a->host_open = true;
	answer_put_comment(a);
	a->written++;
	facts_reset(a->arena);
	struct xml_writer w = {.out = &a->out, .shown = a->r.shown, .latin1 = a->latin1};
	text_buffer_puts(&a->out, "      <HOST>\n");
	xml_put_children(&w, detection_host_facts(a->arena, a->w, &a->host), 4);
	text_buffer_puts(&a->out, "        <DETECTION_LIST>\n");
	facts_write_date(host_scanned_s(&a->host), a->scanned);
	facts_write_date(a->host.processed_s, a->processed);
}

static void close_host(struct answer *a)
{
	text_buffer_puts(&a->out, "        </DETECTION_LIST>\n      </HOST>\n");
	a->host_open = false;
}

static void close_list(struct answer *a)
{
	if (a->list_open)
		text_buffer_puts(&a->out, "    </HOST_LIST>\n");
	a->phase = ANSWER_FINISH;
}

/* A host that was left out last time is brought this time, whatever the fault. */
static bool is_left_out(struct answer *a)
{
	_Atomic uint32_t *left_out = &a->w->cells[a->host.index].left_out;
	if (atomic_exchange(left_out, 0) || a->fault != FAULT_MISSING)
		return false;
	atomic_store(left_out, 1);
	a->fault = FAULT_NONE;
	return true;
}

/* Where a fault or the poison strikes: within the host, between two detections or in the middle of one. */
static enum answer_end strike(struct answer *a, size_t item_from)
{
	if (is_poison(a))
		a->fault = FAULT_CUT;
	enum answer_end end = answer_break(a, item_from);
	if (a->phase != ANSWER_FINISH)
		return end;
	if (a->host_open)
		close_host(a);
	close_list(a);
	return end;
}

static bool strikes(const struct answer *a)
{
	return answer_strikes(a) || is_poison(a);
}

static enum answer_end next_host(struct answer *a)
{
	uint32_t index;
	do {
		if (!answer_next_index(a, &index) || atomic_load(&a->w->empty_detections)) {
			close_list(a);
			return ANSWER_GOES_ON;
		}
	} while (!world_host(a->w, index, &a->host) || a->host.processed_s < a->r.after_s);
	a->slot = 0;
	struct slot s;
	size_t from = a->out.length;
	bool some = next_slot(a, &s);
	if (!some && is_poison(a)) {
		open_host(a);
		return strike(a, from);
	}
	if (some && answer_is_full(a, a->host.id)) {
		close_list(a);
		return ANSWER_GOES_ON;
	}
	if (!some || is_left_out(a))
		return ANSWER_GOES_ON;
	open_host(a);
	a->break_slot = (uint32_t)(a->chance >> 20) % a->host.slots;
	put_detection(a, &s);
	return ANSWER_GOES_ON;
}

/* A SIMPLE_RETURN stands behind a whole host three times of four, else among its detections. */
static bool strikes_behind(const struct answer *a)
{
	return a->fault == FAULT_MID999 && !is_poison(a) && (a->chance >> 40 & 3) != 0;
}

static enum answer_end end_host(struct answer *a, bool strikes_here)
{
	size_t from = a->out.length;
	bool half = strikes_here && !strikes_behind(a) && (a->fault != FAULT_SLOW || is_poison(a));
	close_host(a);
	if (!half)
		atomic_fetch_add(&a->w->cells[a->host.index].whole, 1);
	if (half && a->fault == FAULT_MID999 && !is_poison(a)) { /* its end comes behind it */
		a->out.length = from;
		a->host_open = true;
	}
	return strikes_here ? strike(a, from) : ANSWER_GOES_ON;
}

enum answer_end answer_more_detections(struct answer *a)
{
	if (!a->host_open)
		return next_host(a);
	bool strikes_here = strikes(a);
	struct slot s;
	for (int i = 0; i < STEP; i++) {
		size_t from = a->out.length;
		if (!next_slot(a, &s))
			return end_host(a, strikes_here);
		put_detection(a, &s);
		if (strikes_here && a->slot > a->break_slot && !strikes_behind(a))
			return strike(a, from);
	}
	return ANSWER_GOES_ON;
}
