/* loader_world.h -- the loader as a thread over the local transport, with a script in the place of the coordinator and of
 * the fetchers, and a publish_run() that writes down what it is asked for. */
#ifndef LOADER_WORLD_H
#define LOADER_WORLD_H
#include "ids.h"
#include "local.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "transport.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PARTITIONS = 3 };

struct told { /* by the loader's Reports since it was started last */
	int reports, firsts;
	bool first_is_over;
	char database[64];
	uint64_t complete_run, highest_run, highest_number;
	int64_t complete_started_at, complete_full_at, complete_kb_at;
	int64_t positions[TOPIC_COUNT][PARTITIONS]; /* -1: not told */
	struct ids known, detected, owed, ignored, qids;
};
extern struct told told;
struct published {
	atomic_int times;
	atomic_bool fails;
	uint64_t run;
	int64_t hosts, dead_letters; /* in the database at that moment */
	char status[64];
};
extern struct published published;

/* for loader_script.c */
struct transport *loader_world_script(void);
struct delivery *loader_world_sent(void); /* all that was sent */
const char *loader_world_path(void);

int loader_world_open(void **state);
int loader_world_close(void **state);
void new_hub(void); /* as after a restart of the process: another stream */
void start_loader(void);
bool stop_loader(void); /* what loader_run() returned */
bool await_end(void);   /* the loader ends by itself: what it returned */
void set_option(const char *name, const char *value);

void await_loaded(void);                      /* all that was sent, by the loader's own Reports */
void await_report(void);                      /* one more */
void await_complete(uint64_t run);            /* that it is told to be complete */
void expect_no_publishing(void);              /* for a while */
void await_value(const char *sql, int64_t n); /* until the database says so */
void assert_said(const char *text);
struct event next_dead_letter(void);
#endif
