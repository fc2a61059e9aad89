/* facts.c -- the arena and the making of facts. Blocks are kept at a reset: a host after the other uses the same
 * memory. */
#include "facts.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text_buffer.h"

struct block {
	struct block *next;
	size_t room, used;
	_Alignas(16) char bytes[];
};

struct facts {
	struct block *first, *now;
};

static struct block *block_new(size_t size)
{
	size_t room = size > 60000 ? size : 60000;
	struct block *b = sim_alloc(sizeof(*b) + room);
	b->room = room;
	return b;
}

struct facts *facts_open(void)
{
	struct facts *f = sim_alloc(sizeof(*f));
	f->first = f->now = block_new(0);
	return f;
}

void facts_close(struct facts *f)
{
	if (!f)
		return;
	for (struct block *b = f->first, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(f);
}

void facts_reset(struct facts *f)
{
	f->now = f->first;
	f->now->used = 0;
}

void *facts_alloc(struct facts *f, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	while (f->now->room - f->now->used < size) {
		if (!f->now->next || f->now->next->room < size) {
			struct block *b = block_new(size);
			b->next = f->now->next;
			f->now->next = b;
		}
		f->now = f->now->next;
		f->now->used = 0;
	}
	void *p = f->now->bytes + f->now->used;
	f->now->used += size;
	return memset(p, 0, size);
}

char *facts_copy(struct facts *f, const char *text, size_t length)
{
	char *p = facts_alloc(f, length + 1);
	memcpy(p, text, length);
	return p;
}

char *facts_printf(struct facts *f, const char *format, ...)
{
	char text[2048];
	va_list list;
	va_start(list, format);
	int n = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (n < 0 || (size_t)n >= sizeof(text))
		abort();
	return facts_copy(f, text, (size_t)n);
}

static struct fact *fact_new(struct facts *f, struct fact *parent, const char *name, enum fact_kind kind)
{
	struct fact *x = facts_alloc(f, sizeof(*x));
	x->name = name;
	x->kind = kind;
	x->text = "";
	if (parent) {
		if (parent->last)
			parent->last->next = x;
		else
			parent->children = x;
		parent->last = x;
	}
	return x;
}

struct fact *facts_group(struct facts *f, struct fact *parent, const char *name)
{
	return fact_new(f, parent, name, FACT_GROUP);
}

struct fact *facts_item(struct facts *f, struct fact *parent, const char *name)
{
	struct fact *x = fact_new(f, parent, name, FACT_GROUP);
	x->repeats = true;
	return x;
}

struct fact *facts_word(struct facts *f, struct fact *parent, const char *name, const char *text)
{
	struct fact *x = fact_new(f, parent, name, FACT_TEXT);
	x->text = text;
	x->length = strlen(text);
	return x;
}

struct fact *facts_text(struct facts *f, struct fact *parent, const char *name, const char *text)
{
	struct fact *x = facts_word(f, parent, name, text);
	x->cdata = true;
	return x;
}

struct fact *facts_number(struct facts *f, struct fact *parent, const char *name, uint64_t n)
{
	struct fact *x = facts_word(f, parent, name, facts_printf(f, "%llu", (unsigned long long)n));
	x->kind = FACT_NUMBER;
	return x;
}

struct fact *facts_date(struct facts *f, struct fact *parent, const char *name, int64_t at_s)
{
	char text[FACTS_DATE_BYTES + 1];
	facts_write_date(at_s, text);
	struct fact *x = facts_word(f, parent, name, facts_copy(f, text, FACTS_DATE_BYTES));
	x->kind = FACT_DATE;
	return x;
}

struct fact *facts_no_value(struct facts *f, struct fact *parent, const char *name, const char *written)
{
	struct fact *x = facts_word(f, parent, name, written);
	x->kind = FACT_NUMBER;
	x->nothing = true;
	return x;
}

static void put_two(char *p, int n)
{
	p[0] = (char)('0' + n / 10 % 10);
	p[1] = (char)('0' + n % 10);
}

void facts_write_date(int64_t at_s, char ret_text[FACTS_DATE_BYTES + 1])
{
	time_t t = (time_t)at_s;
	struct tm m;
	gmtime_r(&t, &m);
	memcpy(ret_text, "0000-00-00T00:00:00Z", FACTS_DATE_BYTES + 1);
	put_two(ret_text, (m.tm_year + 1900) / 100);
	put_two(ret_text + 2, (m.tm_year + 1900) % 100);
	put_two(ret_text + 5, m.tm_mon + 1);
	put_two(ret_text + 8, m.tm_mday);
	put_two(ret_text + 11, m.tm_hour);
	put_two(ret_text + 14, m.tm_min);
	put_two(ret_text + 17, m.tm_sec);
}
