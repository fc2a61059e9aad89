/* document.h -- one answer being read: envelope, records, and the verdict at its end. Between http.c and api.c. */
#ifndef DOCUMENT_H
#define DOCUMENT_H
#include "answer.h"
#include "ceilings.h"
#include "http.h"
#include "xml_reader.h"

enum { DOCUMENT_EXCERPT = 4096 };

struct document_kind {
	const char *root; /* the element that the answer must have */
	const struct xml_root *roots;
	bool pages; /* WARNING 1980 is the way to the next page */
};

struct document {
	const struct document_kind *kind;
	struct xml_reader *reader;
	size_t chunk; /* feed so many bytes at a time; 0: as they come */
	/* what the calls of api.c fill in: */
	bool (*record)(void *arg, const struct xml_root *root, ProtobufCMessage *m);
	bool (*flush)(void *arg, ProtobufCMessage *m, bool inside);
	void *arg;
	/* of the answer under way */
	bool root_seen, returned, caller_stopped, xml_failed, xml_whole;
	bool spoilt;   /* will not be whole: a SIMPLE_RETURN within, or document_spoil() */
	bool gave_up;  /* no document, and so long that we do not read it to its end */
	bool paged;    /* the WARNING that leads to the next page */
	bool warned;   /* any other */
	bool glossary; /* its records are of other things */
	int status, code;
	char text[256], root[CEILING_XML_NAME];
	int64_t datetime_s;
	uint64_t asked_id_min, next_id_min, junk_bytes;
	struct answer_told told;
	char excerpt[DOCUMENT_EXCERPT];
	size_t excerpt_size;
};

void document_open(struct document *d, const struct document_kind *kind, size_t chunk);
void document_close(struct document *d);
void document_begin(struct document *d, uint64_t asked_id_min);
/* A record shows that the answer is not what it should be: it will not be whole, whatever comes. */
void document_spoil(struct document *d, const char *text);
extern const struct http_ops document_http_ops; /* arg: the document */
void document_end(struct document *d, const struct http_result *h, struct api_answer *ret);
#endif
