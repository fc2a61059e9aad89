/* xml_reader.c -- libxml2 between the filter and the builder, and the only place that knows it.
 *
 * One parser context is used for all documents, so that its dictionary, and with it every resolved name,
 * stays; only when a document has filled the dictionary with strange names both begin anew. libxml2 is fed
 * small pieces: it holds what it has not judged, looks at it again with each piece, and is never asked for
 * more than MARKUP_MOST of that. */
#include "xml_reader.h"
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ceilings.h"
#include "xalloc.h"
#include "xml_build.h"

enum {
	PIECE = 64 * 1024,
	/* One tag, instruction or DOCTYPE: libxml2 holds it whole, and attributes cost it the square. */
	MARKUP_MOST = 256 * 1024,
	NAMES_BYTES = 1024 * 1024 /* a dictionary that holds more is thrown away */
};

struct xml_reader {
	struct xml_filter *filter;
	struct xml_build *build;
	xmlParserCtxtPtr parser;
	struct xml_counts counts;
	uint64_t repaired[XML_REPAIRS]; /* in the documents before this one */
	bool ended;                     /* finish() was called */
	char error[CEILING_ERROR_TEXT];
};

static void halt(struct xml_reader *r)
{
	xmlStopParser(r->parser);
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
    int n_namespaces, const xmlChar **namespaces, int n, int n_defaulted, const xmlChar **attributes)
{
	struct xml_reader *r = arg;

	(void)prefix;
	(void)uri;
	(void)n_namespaces;
	(void)namespaces;
	/* Those with a value from a DTD come last, and are not the API's. */
	if (!xml_build_start(r->build, (const char *)name,
		(const struct xml_attribute *)(const void *)attributes, n - n_defaulted))
		halt(r);
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml_reader *r = arg;

	(void)name;
	(void)prefix;
	(void)uri;
	if (!xml_build_end(r->build))
		halt(r);
}

static void on_text(void *arg, const xmlChar *s, int len)
{
	struct xml_reader *r = arg;

	if (!xml_build_text(r->build, (const char *)s, (size_t)len))
		halt(r);
}

__attribute__((format(printf, 2, 3))) static void refuse(struct xml_reader *r, const char *format, ...)
{
	va_list args;

	if (r->error[0]) /* the first is the cause */
		return;
	va_start(args, format);
	vsnprintf(r->error, sizeof(r->error), format, args);
	va_end(args);
}

/* The API declares none; whoever does wants to make us expand or load them. */
static void refuse_entity(struct xml_reader *r, const xmlChar *name)
{
	refuse(r, "the document declares the entity %.64s, which is refused", (const char *)name);
	halt(r);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libxml2's */
static void on_entity(void *arg, const xmlChar *name, int type, const xmlChar *public_id,
    const xmlChar *system_id, xmlChar *content)
{
	(void)type;
	(void)public_id;
	(void)system_id;
	(void)content;
	refuse_entity(arg, name);
}

static void on_unparsed_entity(void *arg, const xmlChar *name, const xmlChar *public_id,
    const xmlChar *system_id, const xmlChar *notation)
{
	(void)public_id;
	(void)system_id;
	(void)notation;
	refuse_entity(arg, name);
}

static void on_error(void *arg, xmlErrorPtr e)
{
	struct xml_reader *r = arg;

	if (e->level != XML_ERR_FATAL || e->code == XML_ERR_USER_STOP || !e->message)
		return;
	size_t len = strlen(e->message);
	while (len && e->message[len - 1] == '\n')
		len--;
	refuse(r, "line %d: %.*s", e->line, (int)(len < 400 ? len : 400), e->message);
}

static xmlParserCtxtPtr parser_new(struct xml_reader *r)
{
	static xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
	    .startElementNs = on_start,
	    .endElementNs = on_end,
	    .characters = on_text,
	    .ignorableWhitespace = on_text, /* the same, so that libxml2 does not look which it is */
	    .cdataBlock = on_text,
	    .entityDecl = on_entity,
	    .unparsedEntityDecl = on_unparsed_entity,
	    .serror = on_error};
	xmlParserCtxtPtr p = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);

	if (!p)
		abort(); /* out of memory */
	/* NOENT: else &amp; in an attribute comes as &#38;. It can load nothing: entities are refused as they
	 * are declared, and none is ever kept. */
	xmlCtxtUseOptions(p, XML_PARSE_NONET | XML_PARSE_NOENT);
	return p;
}

static void parser_free(xmlParserCtxtPtr p)
{
	xmlFreeDoc(p->myDoc); /* made for an internal subset; NULL is fine */
	p->myDoc = NULL;
	xmlFreeParserCtxt(p);
}

static bool has_failed(const struct xml_reader *r)
{
	return r->error[0] || xml_build_stopped(r->build) || xml_build_error(r->build);
}

static bool parse(struct xml_reader *r, const char *data, size_t size)
{
	xmlParseChunk(r->parser, data, (int)size, 0);
	if (has_failed(r))
		return false;
	if (!r->parser->wellFormed) { /* always told through on_error(), but who knows */
		refuse(r, "line %d: is not well-formed", xmlSAX2GetLineNumber(r->parser));
		return false;
	}
	if (r->parser->input->end - r->parser->input->cur > MARKUP_MOST) {
		refuse(r, "line %d: a tag of more than %d bytes inside of %.64s",
		    xmlSAX2GetLineNumber(r->parser), MARKUP_MOST, xml_build_inside(r->build));
		return false;
	}
	return true;
}

static bool on_clean(void *arg, const char *data, size_t size)
{
	struct xml_reader *r = arg;

	while (size) {
		size_t n = size < PIECE ? size : PIECE;

		/* A piece must not end inside of a character. */
		while (n < size && n > 1 && ((unsigned char)data[n] & 0xc0) == 0x80)
			n--;
		if (!parse(r, data, n))
			return false;
		data += n;
		size -= n;
	}
	return true;
}

static pthread_once_t libxml2_once = PTHREAD_ONCE_INIT;

struct xml_reader *xml_reader_open(
    const struct xml_root *roots, size_t flush_bytes, const struct xml_reader_ops *ops, void *arg)
{
	struct xml_reader *r = xcalloc(1, sizeof(*r));

	pthread_once(&libxml2_once, xmlInitParser);
	r->filter = xml_filter_open(on_clean, r);
	r->build = xml_build_open(roots, flush_bytes, ops, arg, &r->counts);
	r->parser = parser_new(r);
	return r;
}

void xml_reader_close(struct xml_reader *r)
{
	if (!r)
		return;
	parser_free(r->parser);
	xml_build_close(r->build);
	xml_filter_close(r->filter);
	free(r);
}

void xml_reader_reset(struct xml_reader *r)
{
	bool forget = xmlDictGetUsage(r->parser->dict) > NAMES_BYTES;

	for (int i = 0; i < XML_REPAIRS; i++)
		r->repaired[i] += xml_filter_repaired(r->filter, (enum xml_repair)i);
	xml_filter_reset(r->filter);
	if (!forget && xmlCtxtResetPush(r->parser, NULL, 0, NULL, NULL) != 0)
		forget = true;
	if (forget) {
		parser_free(r->parser);
		r->parser = parser_new(r);
	}
	xml_build_reset(r->build, forget);
	r->ended = false;
	r->error[0] = '\0';
}

bool xml_reader_feed(struct xml_reader *r, const char *data, size_t size)
{
	if (r->ended || has_failed(r) || xml_filter_error(r->filter))
		return false;
	r->counts.bytes += size;
	return xml_filter_feed(r->filter, data, size);
}

bool xml_reader_finish(struct xml_reader *r)
{
	if (r->ended || has_failed(r) || !xml_filter_finish(r->filter))
		return false;
	r->ended = true;
	if (!xml_build_closed(r->build)) {
		const char *inside = xml_build_inside(r->build);

		refuse(r, *inside ? "the document ends inside of %.64s" : "the document is empty%s", inside);
		return false;
	}
	xmlParseChunk(r->parser, NULL, 0, 1);
	if (!r->parser->wellFormed)
		refuse(r, "the document is not well-formed behind its root");
	return !has_failed(r);
}

const char *xml_reader_error(const struct xml_reader *r)
{
	if (r->error[0])
		return r->error;
	const char *error = xml_build_error(r->build);
	return error ? error : xml_filter_error(r->filter);
}

bool xml_reader_stopped(const struct xml_reader *r)
{
	return xml_build_stopped(r->build);
}

const struct xml_counts *xml_reader_counts(struct xml_reader *r)
{
	for (int i = 0; i < XML_REPAIRS; i++)
		r->counts.repaired[i] = r->repaired[i] + xml_filter_repaired(r->filter, (enum xml_repair)i);
	return &r->counts;
}
