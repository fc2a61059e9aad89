/* maker.c -- facts with chance. */
#include "maker.h"
#include <string.h>
#include "texts.h"

struct fact *maker_liberty(struct maker *m, struct fact *x)
{
	if (m->odd && dice_one_in(&m->d, 8))
		x->seed = dice_next(&m->d) | 1;
	return x;
}

struct fact *maker_text(struct maker *m, struct fact *parent, const char *name, const char *text)
{
	bool empty = m->odd && dice_one_in(&m->d, 100);
	struct fact *x = maker_liberty(m, facts_text(m->f, parent, name, empty ? "" : text));
	if (strstr(x->text, TEXT_BROKEN)) /* is to be broken in the XML, not written as it is */
		x->seed = dice_next(&m->d) | 1;
	return x;
}

struct fact *maker_word(struct maker *m, struct fact *parent, const char *name, const char *text)
{
	return maker_liberty(m, facts_word(m->f, parent, name, text));
}

struct fact *maker_no_value(struct maker *m, struct fact *parent, const char *name)
{
	static const char *const nothings[] = {"null", "", "null", "N/A"};
	return maker_liberty(m, facts_no_value(m->f, parent, name, DICE_PICK(&m->d, nothings)));
}

struct fact *maker_number(struct maker *m, struct fact *parent, const char *name, uint64_t n)
{
	if (m->odd && dice_one_in(&m->d, 100))
		return maker_no_value(m, parent, name);
	return maker_liberty(m, facts_number(m->f, parent, name, n));
}

struct fact *maker_date(struct maker *m, struct fact *parent, const char *name, int64_t at_s)
{
	if (m->odd && dice_one_in(&m->d, 100))
		return maker_no_value(m, parent, name);
	return maker_liberty(m, facts_date(m->f, parent, name, at_s));
}

struct fact *maker_phrase(struct maker *m, struct fact *parent, const char *name, unsigned words)
{
	return maker_text(m, parent, name, text_phrase(m->f, &m->d, m->odd, words));
}

int64_t maker_old_time(struct maker *m)
{
	return MAKER_OLD_S + (int64_t)dice_below(&m->d, MAKER_OLD_SPAN_S);
}
