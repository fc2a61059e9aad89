/* facts.h -- what is true of a host, a detection or a vulnerability, as a tree of named facts.
 *
 * The tree is made once and seen twice: xml_facts.c writes it as the API would, with all its oddities, and
 * json_facts.c and expect.c say what a database must hold of it. `text` of a fact is what a correct reader reads; the
 * XML has liberties only in how it says that. Facts live in an arena and are dropped together. */
#ifndef SIM_FACTS_H
#define SIM_FACTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum fact_kind {
	FACT_TEXT,
	FACT_NUMBER, /* nothing: what is written is no number, the database holds NULL */
	FACT_DATE,   /* the same */
	FACT_GROUP
};

/* A date that is known only when a host is written: pools hold detections of all hosts. */
enum fact_hole { HOLE_NONE, HOLE_SCANNED, HOLE_PROCESSED, HOLE_COUNT };

struct fact {
	const char *name, *text;
	size_t length;
	const char *attribute, *attribute_value; /* at most one; NULL: none */
	struct fact *children, *last, *next;
	uint64_t seed;  /* of the liberties that its XML takes; 0: none */
	unsigned needs; /* shown only when the request has all of these */
	enum fact_kind kind;
	enum fact_hole hole;
	bool cdata;     /* the API writes it as CDATA */
	bool repeats;   /* its name can stand several times: a list in JSON */
	bool is_object; /* a text that can have an attribute: an object in JSON even without */
	bool nothing;
};

struct facts; /* an arena */
struct facts *facts_open(void);
void facts_close(struct facts *f);
void facts_reset(struct facts *f);
void *facts_alloc(struct facts *f, size_t size); /* zeroed */
char *facts_copy(struct facts *f, const char *text, size_t length);
char *facts_printf(struct facts *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct fact *facts_group(struct facts *f, struct fact *parent, const char *name);
struct fact *facts_item(struct facts *f, struct fact *parent, const char *name); /* a group that repeats */
struct fact *facts_text(struct facts *f, struct fact *parent, const char *name, const char *text); /* CDATA */
struct fact *facts_word(
    struct facts *f, struct fact *parent, const char *name, const char *text); /* no CDATA */
struct fact *facts_number(struct facts *f, struct fact *parent, const char *name, uint64_t n);
struct fact *facts_date(struct facts *f, struct fact *parent, const char *name, int64_t at_s);
struct fact *facts_no_value(struct facts *f, struct fact *parent, const char *name, const char *written);

#define FACTS_DATE_BYTES 20 /* 2026-01-31T01:02:03Z */
void facts_write_date(int64_t at_s, char ret_text[FACTS_DATE_BYTES + 1]);
#endif
