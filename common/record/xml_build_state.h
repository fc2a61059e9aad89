/* xml_build_state.h -- what xml_build.c and xml_build_text.c share, and nobody else sees. */
#ifndef XML_BUILD_STATE_H
#define XML_BUILD_STATE_H
#include "ceilings.h"
#include "xml_build.h"
#include "xml_names.h"
#include "xml_piece.h"

/* Not for each element: kept out of what is. */
#define RARE __attribute__((noinline))

enum frame_kind { OUTSIDE, MESSAGE, WRAPPER, TEXT, SKIPPED };
struct frame {
	enum frame_kind kind;
	bool takes_text;
	const char *name;
	const char *item; /* WRAPPER: the name that its items had so far */
	struct xml_shape *shape;
	ProtobufCMessage *m; /* MESSAGE, and what a TEXT or WRAPPER stands in */
	record_field *field; /* TEXT, WRAPPER */
};

struct xml_build {                   /* what each text looks at comes first */
	bool takes_text;             /* the innermost element does */
	bool ended, closed, stopped; /* ended: stopped, or there is an error */
	unsigned depth;
	unsigned root_depth, item_depth; /* stack[depth - 1] is the root's, the open big item's; 0: none */
	size_t value_bytes;              /* of the open text, all its pieces */
	size_t budget;                   /* most bytes of piece.items; SIZE_MAX: it is not handed out */
	struct xml_piece piece;
	struct xml_names *names;
	const struct xml_root *roots, *root; /* root: of the record in hand */
	record_field *big;
	size_t flush_bytes;
	struct xml_counts *counts;
	const struct xml_reader_ops *ops;
	void *arg;
	struct frame stack[CEILING_XML_DEPTH];
	char error[256];
};

static inline struct frame *xml_build_top(struct xml_build *b)
{
	return b->depth ? &b->stack[b->depth - 1] : NULL;
}

/* All three are false, or can be: it has ended. */
bool xml_build_refuse(struct xml_build *b, const char *what, const char *name);
bool xml_build_stop(struct xml_build *b);
bool xml_build_hand_out(struct xml_build *b, bool inside);
#endif
