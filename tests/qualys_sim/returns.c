/* returns.c -- the API's short answers, as real ones look. */
#include "returns.h"
#include "facts.h"
#include "xml_text.h"

void returns_put_simple(struct text_buffer *out, int64_t now_s, int code, const char *text, const char *key,
    uint64_t value, bool with_doctype)
{
	char date[FACTS_DATE_BYTES + 1];
	facts_write_date(now_s, date);
	if (with_doctype)
		text_buffer_puts(out,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<!DOCTYPE SIMPLE_RETURN SYSTEM "
		    "\"https://qualysapi.example.invalid/api/2.0/simple_return.dtd\">\n");
	text_buffer_printf(out,
	    "<SIMPLE_RETURN>\n  <RESPONSE>\n    <DATETIME>%s%s</DATETIME>\n    <CODE>%d</CODE>\n    "
	    "<TEXT>",
	    date, key ? " " : "", code);
	xml_put_text(out, text, strlen(text), false, false, 0);
	text_buffer_puts(out, "</TEXT>\n");
	if (key)
		text_buffer_printf(out,
		    "    <ITEM_LIST>\n      <ITEM><KEY>%s</KEY><VALUE>%llu</VALUE></ITEM>\n"
		    "    </ITEM_LIST>\n",
		    key, (unsigned long long)value);
	text_buffer_puts(out, "  </RESPONSE>\n</SIMPLE_RETURN>\n");
}

void returns_put_generic(struct text_buffer *out, int64_t now_s, const char *text)
{
	char date[FACTS_DATE_BYTES + 1];
	facts_write_date(now_s, date);
	text_buffer_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<!DOCTYPE GENERIC_RETURN SYSTEM "
	    "\"https://qualysapi.example.invalid/generic_return.dtd\">\n<GENERIC_RETURN>\n  <API "
	    "name=\"index.php\" username=\"sim\" at=\"%s\" />\n  <RETURN status=\"FAILED\" "
	    "number=\"999\">%s</RETURN>\n</GENERIC_RETURN>\n",
	    date, text);
}

void returns_put_html(struct text_buffer *out, int status, const char *title)
{
	text_buffer_printf(out,
	    "<!DOCTYPE html>\n<html><head><title>%s</title></head>\n<body><h1>%s</h1>\n<p>Reference "
	    "#%d.&nbsp;<br>Please try again later\n</body></html>\n",
	    title, title, status);
}
