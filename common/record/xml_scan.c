/* xml_scan.c -- UTF-8 in, XML that libxml2 takes out.
 *
 * A cursor goes over the input; what lies between `run` and it is clean and not yet given out, so that a
 * clean chunk leaves in one piece and without a copy. What cannot be judged before more bytes come (the end
 * of a chunk) is held back; so the output does not depend on how the input is cut. Comments are emptied:
 * nobody reads them, and libxml2 would hold a long one whole. */
#include "xml_scan.h"
#include <string.h>
#include "xml_find.h"

enum {
	CDATA_MOST = 64 * 1024, /* libxml2's time grows with the square of a section's size */
	DIRECT = 4096           /* a clean run as long as this is not copied */
};

struct cursor {
	const uint8_t *run, *p, *end;
	bool final; /* no more bytes will come */
};

static void flush(struct xml_scan *s)
{
	if (s->out_size && !s->stopped && !s->fn(s->arg, s->out, s->out_size))
		s->stopped = true;
	s->out_size = 0;
}

void xml_scan_put(struct xml_scan *s, const void *data, size_t size)
{
	if (size >= DIRECT || size > sizeof(s->out) - s->out_size)
		flush(s);
	if (size >= DIRECT) {
		if (!s->stopped && !s->fn(s->arg, data, size))
			s->stopped = true;
	} else if (size) {
		memcpy(s->out + s->out_size, data, size);
		s->out_size += size;
	}
}

static void put_run(struct xml_scan *s, struct cursor *c)
{
	xml_scan_put(s, c->run, (size_t)(c->p - c->run));
	c->run = c->p;
}

/* Before `size` bytes of content: they must still fit into the open CDATA section. */
static void count_cdata(struct xml_scan *s, struct cursor *c, size_t size)
{
	if (s->place != XML_CDATA)
		return;
	if (s->cdata_bytes + size > CDATA_MOST) {
		put_run(s, c);
		xml_scan_put(s, "]]><![CDATA[", 12);
		s->cdata_bytes = 0;
	}
	s->cdata_bytes += size;
}

static void replace(struct xml_scan *s, struct cursor *c, size_t size, const char *with, size_t with_size)
{
	put_run(s, c);
	count_cdata(s, c, with_size);
	xml_scan_put(s, with, with_size);
	c->p += size;
	c->run = c->p;
}

static void repair(struct xml_scan *s, struct cursor *c, size_t size, enum xml_repair kind)
{
	replace(s, c, size, "\xef\xbf\xbd", 3);
	s->repaired[kind]++;
}

/* All functions below: false: what is left cannot be judged yet. */
static bool scan_line_end(struct xml_scan *s, struct cursor *c)
{
	if (c->p + 1 == c->end && !c->final)
		return false;
	if (c->p + 1 < c->end && c->p[1] == '\n') {
		put_run(s, c);
		c->run = ++c->p;
	} else {
		replace(s, c, 1, "\n", 1);
	}
	return true;
}

static bool scan_characters(struct xml_scan *s, struct cursor *c)
{
	while (c->p < c->end && *c->p >= 0x80) {
		bool is_short;
		size_t size = xml_character_read(c->p, c->end, &is_short);

		if (is_short && !c->final)
			return false;
		if (size == 0) {
			repair(s, c, 1, XML_BAD_UTF8);
		} else if (size == 3 && c->p[0] == 0xef && c->p[1] == 0xbf && c->p[2] >= 0xbe) {
			repair(s, c, 3, XML_FORBIDDEN);
		} else {
			count_cdata(s, c, size);
			c->p += size;
		}
	}
	return true;
}

static bool scan_text(struct xml_scan *s, struct cursor *c)
{
	size_t left = (size_t)(c->end - c->p), room = left;

	if (s->place == XML_CDATA)
		room = CDATA_MOST - s->cdata_bytes;
	else if (s->place != XML_CONTENT)
		return scan_characters(s, c);
	const uint8_t *stop = xml_pass_text(c->p, c->p + (left < room ? left : room));
	if (stop == c->p)
		return scan_characters(s, c);
	if (s->place == XML_CDATA)
		s->cdata_bytes += (size_t)(stop - c->p);
	c->p = stop;
	return true;
}

static bool scan_odd(struct xml_scan *s, struct cursor *c)
{
	if (*c->p >= 0x80)
		return scan_text(s, c);
	if (*c->p == '\r')
		return scan_line_end(s, c);
	repair(s, c, 1, XML_FORBIDDEN);
	return true;
}

static bool scan_reference(struct xml_scan *s, struct cursor *c)
{
	size_t size;

	switch (xml_reference_read(c->p, c->end, &size)) {
	case XML_REFERENCE_OPEN:
		if (!c->final)
			return false;
		c->p++;
		return true;
	case XML_REFERENCE_NONE:
	case XML_REFERENCE_GOOD: c->p += size; return true;
	case XML_REFERENCE_FORBIDDEN: repair(s, c, size, XML_FORBIDDEN_REFERENCE); return true;
	case XML_REFERENCE_UNKNOWN: repair(s, c, size, XML_UNKNOWN_ENTITY); return true;
	}
	return true;
}

static void enter(struct xml_scan *s, struct cursor *c, enum xml_place place, size_t size)
{
	c->p += size;
	s->place = place;
	if (place == XML_COMMENT) {
		put_run(s, c);
	} else if (place == XML_CDATA) {
		s->cdata_bytes = 0;
	} else if (place == XML_DOCTYPE) {
		s->in_doctype = true;
		s->brackets = s->declarations = 0;
	}
}

static bool scan_opening(struct xml_scan *s, struct cursor *c)
{
	static const struct {
		const char *text;
		size_t size;
		enum xml_place place;
	} openings[] = {{"<?", 2, XML_INSTRUCTION}, {"<!--", 4, XML_COMMENT}, {"<![CDATA[", 9, XML_CDATA},
	    {"<!DOCTYPE", 9, XML_DOCTYPE}};
	size_t left = (size_t)(c->end - c->p);

	for (size_t i = 0; i < (s->in_doctype ? 2 : 4); i++) {
		size_t size = openings[i].size;

		if (memcmp(c->p, openings[i].text, left < size ? left : size) != 0)
			continue;
		if (left >= size) {
			enter(s, c, openings[i].place, size);
			return true;
		}
		if (!c->final)
			return false;
	}
	c->p++;
	s->declarations += s->in_doctype;
	return true;
}

static bool scan_content(struct xml_scan *s, struct cursor *c)
{
	c->p = xml_find_in_content(c->p, c->end);
	if (c->p == c->end)
		return false;
	if (*c->p == '<')
		return scan_opening(s, c);
	return *c->p == '&' ? scan_reference(s, c) : scan_odd(s, c);
}

static bool scan_bracket(struct xml_scan *s, struct cursor *c)
{
	size_t left = (size_t)(c->end - c->p);

	if (left < 3 && !c->final && (left == 1 || c->p[1] == ']'))
		return false;
	if (left >= 3 && c->p[1] == ']' && c->p[2] == '>') {
		c->p += 3;
		s->place = XML_CONTENT;
	} else {
		count_cdata(s, c, 1);
		c->p++;
	}
	return true;
}

static bool scan_cdata(struct xml_scan *s, struct cursor *c)
{
	size_t left = (size_t)(c->end - c->p), room = CDATA_MOST - s->cdata_bytes;
	const uint8_t *stop = xml_find_in_cdata(c->p, c->p + (left < room ? left : room));

	s->cdata_bytes += (size_t)(stop - c->p);
	c->p = stop;
	if (c->p == c->end)
		return false;
	if (*c->p == ']')
		return scan_bracket(s, c);
	if (xml_is_odd(*c->p))
		return scan_odd(s, c);
	count_cdata(s, c, 1); /* a clean byte, but the section is full */
	c->p++;
	return true;
}

static bool scan_comment(struct xml_scan *s, struct cursor *c)
{
	const uint8_t *dash = memchr(c->p, '-', (size_t)(c->end - c->p));

	c->run = c->p = dash ? dash : c->end;
	if (!dash)
		return false;
	size_t left = (size_t)(c->end - dash);
	if (left < 3 && !c->final && (left == 1 || dash[1] == '-'))
		return false;
	if (left >= 3 && dash[1] == '-' && dash[2] == '>') {
		c->p += 3; /* and run stays: the end is given out */
		s->place = s->in_doctype ? XML_DOCTYPE : XML_CONTENT;
	} else {
		c->run = ++c->p;
	}
	return true;
}

static bool scan_instruction(struct xml_scan *s, struct cursor *c)
{
	if (*c->p != '?') {
		c->p++;
		return true;
	}
	if (c->p + 1 == c->end && !c->final)
		return false;
	c->p++;
	if (c->p < c->end && *c->p == '>') {
		c->p++;
		s->place = s->in_doctype ? XML_DOCTYPE : XML_CONTENT;
	}
	return true;
}

static bool scan_doctype(struct xml_scan *s, struct cursor *c)
{
	uint8_t byte = *c->p;

	if (byte == '<')
		return scan_opening(s, c);
	c->p++;
	if (byte == '"' || byte == '\'') {
		s->quote = byte;
		s->place = XML_QUOTE;
	} else if (byte == '[') {
		s->brackets++;
	} else if (byte == ']' && s->brackets) {
		s->brackets--;
	} else if (byte == '>' && s->declarations) {
		s->declarations--;
	} else if (byte == '>' && !s->brackets) {
		s->in_doctype = false;
		s->place = XML_CONTENT;
	}
	return true;
}

static bool scan_some(struct xml_scan *s, struct cursor *c)
{
	switch (s->place) {
	case XML_CONTENT: return scan_content(s, c);
	case XML_CDATA: return scan_cdata(s, c);
	case XML_COMMENT: return scan_comment(s, c);
	case XML_INSTRUCTION: return xml_is_odd(*c->p) ? scan_odd(s, c) : scan_instruction(s, c);
	case XML_DOCTYPE: return xml_is_odd(*c->p) ? scan_odd(s, c) : scan_doctype(s, c);
	case XML_QUOTE:
		if (xml_is_odd(*c->p))
			return scan_odd(s, c);
		if (*c->p++ == s->quote)
			s->place = XML_DOCTYPE;
		return true;
	}
	return false;
}

/* How many bytes were judged; the rest is to be held. */
static size_t scan(struct xml_scan *s, const uint8_t *data, size_t size, bool final)
{
	struct cursor c = {data, data, data + size, final};

	while (c.p < c.end && !s->stopped && scan_some(s, &c))
		;
	put_run(s, &c);
	return (size_t)(c.p - data);
}

/* Held bytes are judged together with the first new ones. Returns how many of the new ones that took. */
static size_t scan_held(struct xml_scan *s, const uint8_t *data, size_t size)
{
	size_t before = s->held_size, room = XML_HELD_MOST - before, more = size < room ? size : room;

	memcpy(s->held + before, data, more);
	size_t judged = scan(s, s->held, before + more, false);
	if (judged >= before) {
		s->held_size = 0;
		return judged - before;
	}
	s->held_size = before + more - judged;
	memmove(s->held, s->held + judged, s->held_size);
	return more;
}

bool xml_scan_feed(struct xml_scan *s, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (s->held_size && size && !s->stopped) {
		size_t taken = scan_held(s, p, size);

		p += taken;
		size -= taken;
	}
	if (size && !s->stopped) {
		size_t judged = scan(s, p, size, false);

		s->held_size = s->stopped ? 0 : size - judged;
		memcpy(s->held, p + judged, s->held_size);
	}
	flush(s);
	return !s->stopped;
}

bool xml_scan_finish(struct xml_scan *s)
{
	scan(s, s->held, s->held_size, true);
	s->held_size = 0;
	flush(s);
	return !s->stopped;
}

void xml_scan_reset(struct xml_scan *s)
{
	s->stopped = s->in_doctype = false;
	s->place = XML_CONTENT;
	s->held_size = s->out_size = 0;
	memset(s->repaired, 0, sizeof(s->repaired));
}
