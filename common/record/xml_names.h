/* xml_names.h -- which field an element or attribute is, found once for each of its names.
 *
 * Names are interned by whoever parses: the same name is the same pointer, so that after the first time a
 * pointer is looked up and no text compared. xml_names_forget() when the pointers are no longer good. */
#ifndef XML_NAMES_H
#define XML_NAMES_H
#include "record.h"

enum xml_fit {
	XML_NO_FIELD,
	XML_TEXT,    /* a scalar */
	XML_MESSAGE, /* one message */
	XML_ITEM,    /* one of a list that has no wrapper */
	XML_WRAPPER  /* of a list: each child is an item */
};

/* Fields of attributes of one element. NULL: is none. */
struct xml_attributes {
	unsigned n;
	struct {
		const char *name;
		record_field *field;
	} known[8];
};

struct xml_shape;
struct xml_name {
	const char *name; /* NULL: free */
	enum xml_fit fit;
	record_field *field;
	union {
		struct xml_shape *kid;             /* of the message, item or items */
		struct xml_attributes *attributes; /* XML_TEXT: met so far; NULL: none */
	};
};

/* A type of message, with the names met in it so far. */
struct xml_shape {
	record_type *type;
	record_field *value; /* takes its text; NULL: none does */
	struct xml_attributes attributes;
	struct xml_name *names; /* a hash by pointer, open addressing; room is a power of two */
	size_t used, room;
	struct xml_shape *next;
};

struct xml_names;
struct xml_names *xml_names_open(void);
void xml_names_close(struct xml_names *n);
void xml_names_forget(struct xml_names *n);

struct xml_shape *xml_names_shape(struct xml_names *n, record_type *type);
/* Good until the next call. */
struct xml_name *xml_names_find(struct xml_names *n, struct xml_shape *in, const char *name);
record_field *xml_shape_attribute(struct xml_shape *s, const char *attribute);
record_field *xml_name_attribute(struct xml_shape *in, struct xml_name *of, const char *attribute);

/* An unknown element: true the first time since open. (Of very many names not all are remembered.) */
bool xml_names_is_new(struct xml_names *n, const char *name);
#endif
