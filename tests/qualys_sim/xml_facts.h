/* xml_facts.h -- facts as the elements of an answer. */
#ifndef SIM_XML_FACTS_H
#define SIM_XML_FACTS_H
#include "facts.h"
#include "text_buffer.h"

#define XML_HOLES 8

struct xml_holes {
	unsigned count;
	struct {
		uint32_t at; /* of 20 bytes, from the start of the output */
		enum fact_hole hole;
	} list[XML_HOLES];
};

struct xml_writer {
	struct text_buffer *out;
	unsigned shown; /* what the request asked for, against fact.needs */
	bool latin1;
	struct xml_holes *holes; /* NULL: none are expected */
};

void xml_put_fact(const struct xml_writer *w, const struct fact *f, unsigned depth);
void xml_put_children(const struct xml_writer *w, const struct fact *f, unsigned depth);
#endif
