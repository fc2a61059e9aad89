/* xml_facts.c -- facts as the elements of an answer, indented as the API does it. */
#include "xml_facts.h"
#include <stdlib.h>
#include "dice.h"
#include "xml_text.h"

static void indent(const struct xml_writer *w, unsigned depth)
{
	static const char spaces[] = "                                        ";
	text_buffer_put(w->out, spaces, depth * 2 < sizeof(spaces) - 1 ? depth * 2 : sizeof(spaces) - 1);
}

static bool is_shown(const struct xml_writer *w, const struct fact *f)
{
	return (f->needs & ~w->shown) == 0;
}

static bool has_children(const struct xml_writer *w, const struct fact *f)
{
	for (const struct fact *c = f->children; c; c = c->next)
		if (is_shown(w, c))
			return true;
	return false;
}

static void put_hole(const struct xml_writer *w, const struct fact *f)
{
	if (!w->holes || w->holes->count == XML_HOLES)
		abort();
	w->holes->list[w->holes->count].at = (uint32_t)w->out->length;
	w->holes->list[w->holes->count++].hole = f->hole;
	text_buffer_puts(w->out, "0000-00-00T00:00:00Z");
}

static void put_leaf(const struct xml_writer *w, const struct fact *f)
{
	if (f->hole)
		put_hole(w, f);
	else if (f->kind == FACT_TEXT)
		xml_put_text(w->out, f->text, f->length, f->cdata, w->latin1, f->seed);
	else
		text_buffer_put(w->out, f->text, f->length);
}

void xml_put_children(const struct xml_writer *w, const struct fact *f, unsigned depth)
{
	for (const struct fact *c = f->children; c; c = c->next)
		xml_put_fact(w, c, depth);
}

void xml_put_fact(const struct xml_writer *w, const struct fact *f, unsigned depth)
{
	if (!is_shown(w, f))
		return;
	bool group = f->kind == FACT_GROUP;
	bool empty = group ? !has_children(w, f) : f->length == 0 && !f->hole;
	indent(w, depth);
	text_buffer_put_byte(w->out, '<');
	text_buffer_puts(w->out, f->name);
	if (f->attribute)
		xml_put_attribute(w->out, f->attribute, f->attribute_value, w->latin1, f->seed);
	if (f->seed && dice_mix(f->seed ^ 5) % 40 == 0)
		text_buffer_puts(w->out, "\n            ");
	if (empty && (group || dice_mix(f->seed ^ 9) % 3)) {
		text_buffer_puts(w->out, "/>\n");
		return;
	}
	text_buffer_put_byte(w->out, '>');
	if (group) {
		text_buffer_put_byte(w->out, '\n');
		xml_put_children(w, f, depth + 1);
		indent(w, depth);
	} else {
		put_leaf(w, f);
	}
	text_buffer_puts(w->out, "</");
	text_buffer_puts(w->out, f->name);
	text_buffer_puts(w->out, ">\n");
}
