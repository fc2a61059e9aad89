/* xml_text.c -- a text as XML content, in UTF-8 or ISO-8859-1, with the liberties that the format and real answers take.
 *
 * U+FFFD in a text is a place where the XML holds something that cannot be read; a correct reader puts one U+FFFD for
 * it. What stands there: a control character that XML forbids, literal or as a reference; U+FFFE literal; an unknown
 * entity; or a byte that is not UTF-8. Of ill-formed UTF-8 the rule is Unicode's "maximal subpart" (3.9, as in the W3C's
 * decoder); only 0x80, 0xC0, 0xFE and 0xFF are made, single bytes before a character that begins anew, of which
 * every rule makes one U+FFFD each. */
#include "xml_text.h"
#include "dice.h"

struct pen {
	struct text_buffer *out;
	struct dice dice;
	bool cdata;   /* inside a section now */
	bool prefers; /* goes back into one when it had to leave */
	bool latin1, free;
	unsigned brackets; /* ] just written in this section */
};

static void pen_leave(struct pen *p)
{
	if (p->cdata)
		text_buffer_puts(p->out, "]]>");
	p->cdata = false;
	p->brackets = 0;
}

static void pen_enter(struct pen *p)
{
	if (!p->cdata)
		text_buffer_puts(p->out, "<![CDATA[");
	p->cdata = true;
	p->brackets = 0;
}

static void pen_put_outside(struct pen *p, const char *s)
{
	pen_leave(p);
	text_buffer_puts(p->out, s);
}

static void put_broken(struct pen *p)
{
	static const char *const inside[] = {"\x01", "\x0b", "\x0c", "\x1f", "\x08", "\x80", "\xff", "\xc0",
	    "\xfe", "\xef\xbf\xbe", "\xef\xbf\xbd"};
	static const char *const outside[] = {
	    "&#11;", "&#x1F;", "&#1;", "&#xFFFF;", "&nbsp;", "&foo;", "&eacute;"};
	if (!p->free) {
		if (p->latin1)
			pen_put_outside(p, "&#xFFFD;");
		else
			text_buffer_puts(p->out, "\xef\xbf\xbd");
		return;
	}
	if (dice_one_in(&p->dice, p->cdata ? 3 : 2)) {
		pen_put_outside(p, DICE_PICK(&p->dice, outside));
		return;
	}
	uint32_t n = dice_below(&p->dice, p->latin1 ? 5 : sizeof(inside) / sizeof(*inside) + 1);
	if (n == sizeof(inside) / sizeof(*inside))
		text_buffer_put_byte(p->out, 0);
	else
		text_buffer_puts(p->out, inside[n]);
}

static void put_line_end(struct pen *p, char next)
{
	uint32_t way = p->free ? dice_below(&p->dice, 12) : 12;
	if (way == 0)
		text_buffer_puts(p->out, "\r\n");
	else if (way == 1 && next != '\n')
		text_buffer_put_byte(p->out, '\r');
	else if (way == 2 && !p->cdata)
		text_buffer_puts(p->out, "&#10;");
	else
		text_buffer_put_byte(p->out, '\n');
}

static void put_markup(struct pen *p, char c)
{
	bool other = p->free && dice_one_in(&p->dice, 4);
	switch (c) {
	case '&': text_buffer_puts(p->out, other ? "&#38;" : "&amp;"); break;
	case '<': text_buffer_puts(p->out, other ? "&#x3C;" : "&lt;"); break;
	case '>': text_buffer_puts(p->out, "&gt;"); break;
	case '"': text_buffer_puts(p->out, other ? "\"" : "&quot;"); break;
	case '\t': text_buffer_puts(p->out, other ? "&#9;" : "\t"); break;
	default: text_buffer_puts(p->out, other ? "'" : "&apos;"); break;
	}
}

/* Returns the bytes used of the text. */
static size_t put_wide(struct pen *p, const unsigned char *s)
{
	size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
	if (n == 3 && s[0] == 0xEF && s[1] == 0xBF && s[2] == 0xBD) {
		put_broken(p);
		return n;
	}
	if (!p->latin1) {
		text_buffer_put(p->out, s, n);
		return n;
	}
	uint32_t c = s[0] & (0xFFU >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3FU);
	if (c >= 0xA0 && c <= 0xFF) {
		text_buffer_put_byte(p->out, (char)c);
		return n;
	}
	pen_leave(p);
	text_buffer_printf(p->out, "&#x%X;", c);
	return n;
}

static size_t put_character(struct pen *p, const char *s, char next)
{
	char c = *s;
	if (c == '\r') {
		pen_put_outside(p, p->free && dice_one_in(&p->dice, 2) ? "&#xD;" : "&#13;");
		return 1;
	}
	if (c == '>' && p->cdata && p->brackets >= 2) { /* ]]> cannot stand in a section */
		pen_leave(p);
		pen_enter(p);
	}
	p->brackets = c == ']' ? p->brackets + 1 : 0;
	if ((unsigned char)c >= 0x80)
		return put_wide(p, (const unsigned char *)s);
	if (c == '\n')
		put_line_end(p, next);
	else if (!p->cdata && (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'' || c == '\t'))
		put_markup(p, c);
	else
		text_buffer_put_byte(p->out, c);
	return 1;
}

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' ||
	       c == '.' || c == '-' || c == '/' || c == '_' || c == ':';
}

void xml_put_text(
    struct text_buffer *out, const char *text, size_t length, bool cdata, bool latin1, uint64_t seed)
{
	struct pen p = {
	    .out = out, .dice = dice_of(seed, 77), .latin1 = latin1, .free = seed != 0, .prefers = cdata};
	if (p.free && dice_one_in(&p.dice, 12))
		p.prefers = !cdata;
	size_t comment_at =
	    p.free && length && dice_one_in(&p.dice, 20) ? dice_below(&p.dice, (uint32_t)length) : SIZE_MAX;
	bool mixed = p.free && dice_one_in(&p.dice, 20);
	if (p.prefers)
		pen_enter(&p);
	for (size_t i = 0; i < length;) {
		if (i >= comment_at && ((unsigned char)text[i] & 0xC0) != 0x80) {
			pen_put_outside(&p, "<!-- evaluation version -->");
			comment_at = SIZE_MAX;
		}
		if (!p.cdata && p.prefers)
			pen_enter(&p);
		size_t run = i;
		while (run < length && run < comment_at && is_plain(text[run]))
			run++;
		if (run > i) {
			text_buffer_put(out, text + i, run - i);
			p.brackets = 0;
			i = run;
			continue;
		}
		i += put_character(&p, text + i, i + 1 < length ? text[i + 1] : 0);
		if (mixed && dice_one_in(&p.dice, 8))
			pen_leave(&p), p.prefers = !p.prefers;
	}
	pen_leave(&p);
}

void xml_put_attribute(
    struct text_buffer *out, const char *name, const char *value, bool latin1, uint64_t seed)
{
	const char *quote = seed && dice_mix(seed) % 8 == 0 ? "'" : "\"";
	text_buffer_printf(out, " %s=%s", name, quote);
	xml_put_text(out, value, strlen(value), false, latin1, 0);
	text_buffer_puts(out, quote);
}
