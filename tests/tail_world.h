/* tail_world.h -- topics in memory, somebody who sends, and `qidflow tail` on them. */
#ifndef TAIL_WORLD_H
#define TAIL_WORLD_H
#include <pthread.h>
#include <stdio.h>
#include "local.h"
#include "tail_read.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "qidflow/v1/records.pb-c.h"

#define STARTED  QIDFLOW__V1__RUN_STATUS__STATE__STARTED
#define COMPLETE QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE
#define FAILED   QIDFLOW__V1__RUN_STATUS__STATE__FAILED

struct world {
	struct local_hub *hub;
	struct transport *from, *to; /* sends; tails */
	struct tail want;
	char log[4096];
	pthread_t thread;
	int out[2]; /* the thread's output */
	FILE *to_file;
	enum exit_status status;
};

int open_world(void **state); /* setup and teardown */
int close_world(void **state);

/* set: of a tombstone's header. key NULL: partition 0. */
void send_bytes(
    struct world *w, enum topic t, const char *key, const void *bytes, size_t size, const char *set);
void send_message(struct world *w, enum topic t, const char *key, const ProtobufCMessage *p);
void send_set(struct world *w, uint64_t host, const char *key, uint64_t run, uint64_t number);
/* end: in this partition of detections; -1: none. */
void send_status(
    struct world *w, Qidflow__V1__RunStatus__State state, uint64_t run, int32_t partition, int64_t end);

char *tail(struct world *w, enum exit_status status); /* all that it prints until it ends; malloc'ed */
void prints(struct world *w, const char *expected);

/* In a thread of its own; its output is read line by line. */
FILE *tail_begin(struct world *w);
enum exit_status tail_end(struct world *w, FILE *f);
void expect_line(FILE *f, const char *part);

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
#endif
