/* transport_kinds.h -- the transports that the conformance suite runs over, and what its programs share.
 *
 * A program's argument says which one: local, mock, broker. A new transport is a line in kinds[]. What a test does with a broker goes through transport.h alone; the few
 * things that only one kind can do or promises are said by its line. */
#ifndef TRANSPORT_KINDS_H
#define TRANSPORT_KINDS_H
#include "delivery.h"
#include "local.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "transport.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SLOTS = 8, DATA_PARTITIONS = 3, LONG_MS = 30000 };

struct kind {
	const char *name;
	void *(*start)(void); /* a broker of its own for each test */
	void (*end)(void *broker);
	struct transport *(*join)(void *broker, const char *member);
	void (*expel)(void *broker, const char *member); /* NULL: cannot be told to */
	bool in_memory; /* data topics are bounded in bytes and freed when they were read */
	bool small;     /* a partition keeps 5 MB and forgets what is older */
	bool groups;    /* tells who is in a group */
	int silence_ms; /* after which nothing more is expected */
};
const struct kind *kind_chosen(int argc, char **argv);

struct place { /* a broker, while a test runs */
	const struct kind *kind;
	void *broker;
};

int place_open(void **state);
int place_close(void **state);
struct transport *join(void **state, const char *member);
/* false: refused or stopped. NULL value: a tombstone. */
bool send_bytes(struct transport *t, enum topic topic, int32_t partition, const char *key, const void *value,
    size_t size, struct delivery *d);
/* Delivered when it returns. */
void say(struct transport *t, enum topic topic, int32_t partition, const char *key, const char *text);
/* The next event of this kind; others that come before it are passed over, but for those in `never`. */
struct event next_of(struct transport *t, enum event_kind kind, enum event_kind never);
struct event next_message(struct transport *t);
void expect_silence(struct transport *t); /* nothing but ends comes */
int silence_ms(void);
/* Polls them in turn until all have been told and together hold n partitions. */
void settle(struct transport **t, int members, unsigned n);
bool is_text(const struct message *m, const char *text);
void assign_all(struct transport *t, enum topic topic);
#define ON(kind, test)                                                                                       \
	{                                                                                                    \
#test, test, place_open, place_close, (void *)(uintptr_t)(kind)                              \
	}
#endif
