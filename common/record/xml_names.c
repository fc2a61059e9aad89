/* xml_names.c -- names of elements to fields.
 *
 * What a document can make grow has an end: a shape remembers NAMES_MOST names (later ones are found by text
 * each time), and STRANGERS_MOST unknown ones are told as new. */
#include "xml_names.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "ceilings.h"
#include "xalloc.h"

enum { NAMES_MOST = 1024, STRANGERS_MOST = 1024, BOOKKEEPING_FIELD = 1000 };

struct xml_names {
	struct xml_shape *shapes;
	struct xml_name unremembered;
	char *strangers[STRANGERS_MOST]; /* a hash by text, at most half full */
	size_t n_strangers;
};

struct xml_names *xml_names_open(void)
{
	return xcalloc(1, sizeof(struct xml_names));
}

static void forget(struct xml_shape *s)
{
	for (size_t i = 0; i < s->room; i++)
		if (s->names[i].fit == XML_TEXT)
			free(s->names[i].attributes);
	memset(s->names, 0, s->room * sizeof(*s->names));
	s->used = 0;
	s->attributes.n = 0;
}

void xml_names_close(struct xml_names *n)
{
	if (!n)
		return;
	while (n->shapes) {
		struct xml_shape *s = n->shapes;

		n->shapes = s->next;
		forget(s);
		free(s->names);
		free(s);
	}
	for (size_t i = 0; i < STRANGERS_MOST; i++)
		free(n->strangers[i]);
	if (n->unremembered.fit == XML_TEXT)
		free(n->unremembered.attributes);
	free(n);
}

void xml_names_forget(struct xml_names *n)
{
	for (struct xml_shape *s = n->shapes; s; s = s->next)
		forget(s);
}

struct xml_shape *xml_names_shape(struct xml_names *n, record_type *type)
{
	struct xml_shape *s;

	for (s = n->shapes; s; s = s->next)
		if (s->type == type)
			return s;
	s = xcalloc(1, sizeof(*s));
	s->type = type;
	s->value = record_text_field(type);
	s->room = 64;
	s->names = xcalloc(s->room, sizeof(*s->names));
	s->next = n->shapes;
	n->shapes = s;
	return s;
}

/* prefix_name, or name where there is no prefix, as a field. Fields of our own book-keeping are in no XML. */
static record_field *find_field(record_type *type, const char *prefix, const char *name)
{
	char key[2 * CEILING_XML_NAME], field[RECORD_NAME];
	size_t prefix_len = prefix ? strnlen(prefix, CEILING_XML_NAME) : 0,
	       len = strnlen(name, CEILING_XML_NAME);

	if (prefix_len == CEILING_XML_NAME || len == CEILING_XML_NAME)
		return NULL;
	if (prefix) {
		memcpy(key, prefix, prefix_len);
		key[prefix_len++] = '_';
	}
	memcpy(key + prefix_len, name, len);
	key[prefix_len + len] = '\0';
	for (unsigned i = 0; i < type->n_fields && type->fields[i].id < BOOKKEEPING_FIELD; i++) {
		record_field_name(&type->fields[i], field);
		if (strcasecmp(field, key) == 0)
			return &type->fields[i];
	}
	return NULL;
}

static enum xml_fit fit_of(record_field *f)
{
	if (!f)
		return XML_NO_FIELD;
	if (!record_is_message(f))
		return record_is_list(f) ? XML_NO_FIELD : XML_TEXT;
	if (!record_is_list(f))
		return XML_MESSAGE;
	return record_is_bare_list(f) ? XML_ITEM : XML_WRAPPER;
}

static void resolve(struct xml_names *n, struct xml_shape *in, const char *name, struct xml_name *ret)
{
	record_field *f = find_field(in->type, NULL, name);

	*ret = (struct xml_name){.name = name, .fit = fit_of(f), .field = f};
	if (f && record_is_message(f))
		ret->kid = xml_names_shape(n, f->descriptor);
}

static struct xml_name *place_of(struct xml_name *names, size_t room, const char *name)
{
	size_t i = (size_t)(((uintptr_t)name * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (room - 1);

	while (names[i].name && names[i].name != name)
		i = (i + 1) & (room - 1);
	return &names[i];
}

static void grow(struct xml_shape *s)
{
	size_t room = s->room * 2;
	struct xml_name *names = xcalloc(room, sizeof(*names));

	for (size_t i = 0; i < s->room; i++)
		if (s->names[i].name)
			*place_of(names, room, s->names[i].name) = s->names[i];
	free(s->names);
	s->names = names;
	s->room = room;
}

/* Apart, so that what is done for each element stays small. */
static __attribute__((noinline)) struct xml_name *add(
    struct xml_names *n, struct xml_shape *in, const char *name, struct xml_name *at)
{
	if (in->used == NAMES_MOST) {
		if (n->unremembered.fit == XML_TEXT)
			free(n->unremembered.attributes);
		resolve(n, in, name, &n->unremembered);
		return &n->unremembered;
	}
	if (++in->used > in->room / 2) {
		grow(in);
		at = place_of(in->names, in->room, name);
	}
	resolve(n, in, name, at);
	return at;
}

struct xml_name *xml_names_find(struct xml_names *n, struct xml_shape *in, const char *name)
{
	struct xml_name *at = place_of(in->names, in->room, name);

	return at->name ? at : add(n, in, name, at);
}

static record_field *find_attribute(
    struct xml_attributes *known, record_type *type, const char *element, const char *name)
{
	for (unsigned i = 0; i < known->n; i++)
		if (known->known[i].name == name)
			return known->known[i].field;
	record_field *f = find_field(type, element, name);
	if (f && (record_is_message(f) || record_is_list(f)))
		f = NULL;
	if (known->n < sizeof(known->known) / sizeof(*known->known)) {
		known->known[known->n].name = name;
		known->known[known->n++].field = f;
	}
	return f;
}

record_field *xml_shape_attribute(struct xml_shape *s, const char *attribute)
{
	return find_attribute(&s->attributes, s->type, NULL, attribute);
}

record_field *xml_name_attribute(struct xml_shape *in, struct xml_name *of, const char *attribute)
{
	if (!of->attributes)
		of->attributes = xcalloc(1, sizeof(*of->attributes));
	return find_attribute(of->attributes, in->type, of->name, attribute);
}

bool xml_names_is_new(struct xml_names *n, const char *name)
{
	size_t len = strnlen(name, CEILING_XML_NAME), i = 5381;

	for (size_t k = 0; k < len; k++)
		i = i * 33 + (unsigned char)name[k];
	for (i %= STRANGERS_MOST; n->strangers[i]; i = (i + 1) % STRANGERS_MOST)
		if (strlen(n->strangers[i]) == len && memcmp(n->strangers[i], name, len) == 0)
			return false;
	if (n->n_strangers == STRANGERS_MOST / 2)
		return false;
	n->n_strangers++;
	n->strangers[i] = xmalloc(len + 1);
	memcpy(n->strangers[i], name, len);
	n->strangers[i][len] = '\0';
	return true;
}
