/* json_facts.c -- nested facts as JSON. */
#include "json_facts.h"
#include <ctype.h>
#include <string.h>

void json_put_string(struct text_buffer *out, const char *text, size_t length)
{
	static const char letters[] = "btn?fr"; /* 0x08 .. 0x0d */
	text_buffer_put_byte(out, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\') {
			text_buffer_put_byte(out, '\\');
			text_buffer_put_byte(out, (char)c);
		} else if (c >= 0x20) {
			text_buffer_put_byte(out, (char)c);
		} else if (c >= 8 && c <= 13 && c != 11) {
			text_buffer_put_byte(out, '\\');
			text_buffer_put_byte(out, letters[c - 8]);
		} else {
			text_buffer_printf(out, "\\u%04x", c);
		}
	}
	text_buffer_put_byte(out, '"');
}

static void put_key(struct text_buffer *out, const char *name, bool *first)
{
	text_buffer_put_byte(out, *first ? '{' : ',');
	*first = false;
	text_buffer_put_byte(out, '"');
	for (; *name; name++)
		text_buffer_put_byte(out, (char)toupper((unsigned char)*name));
	text_buffer_puts(out, "\":");
}

static bool is_shown(const struct fact *f, unsigned shown)
{
	return (f->needs & ~shown) == 0;
}

static bool came_before(const struct fact *parent, const struct fact *f, unsigned shown)
{
	for (const struct fact *c = parent->children; c != f; c = c->next)
		if (is_shown(c, shown) && strcmp(c->name, f->name) == 0)
			return true;
	return false;
}

static void put_list(struct text_buffer *out, const struct fact *from, unsigned shown)
{
	char before = '[';
	for (const struct fact *c = from; c; c = c->next) {
		if (!is_shown(c, shown) || strcmp(c->name, from->name) != 0)
			continue;
		text_buffer_put_byte(out, before);
		json_put_fact(out, c, shown);
		before = ',';
	}
	text_buffer_put_byte(out, ']');
}

static void put_children(struct text_buffer *out, const struct fact *f, unsigned shown, bool *first)
{
	for (const struct fact *c = f->children; c; c = c->next) {
		if (!is_shown(c, shown) || (c->repeats && came_before(f, c, shown)))
			continue;
		put_key(out, c->name, first);
		if (c->repeats)
			put_list(out, c, shown);
		else
			json_put_fact(out, c, shown);
	}
}

void json_put_fact(struct text_buffer *out, const struct fact *f, unsigned shown)
{
	bool first = true;
	if (f->kind != FACT_GROUP && !f->attribute && !f->is_object) {
		json_put_string(out, f->text, f->length);
		return;
	}
	if (f->attribute) {
		put_key(out, f->attribute, &first);
		json_put_string(out, f->attribute_value, strlen(f->attribute_value));
	}
	if (f->kind == FACT_GROUP) {
		put_children(out, f, shown, &first);
	} else {
		put_key(out, "VALUE", &first);
		json_put_string(out, f->text, f->length);
	}
	text_buffer_puts(out, first ? "{}" : "}");
}
