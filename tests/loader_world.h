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

struct published {
	atomic_int times;
	atomic_bool fails;
	void (*meanwhile)(void); /* before it asks whether it may go on */
	int refused;
	const char *sql; /* what is wrong with publish.sql; NULL: nothing */
	uint64_t run;
	int64_t hosts, dead_letters; /* in the database at that moment */
	char status[64];
};
extern struct published published;

/* for loader_script.c and loader_hear.c */
bool loader_world_has_ended(void);
struct transport *loader_world_script(void);
struct delivery *loader_world_sent(void); /* all that was sent */
const char *loader_world_path(void);
const char *loader_world_stream(void);
const struct config *loader_world_config(void);
struct transport *loader_world_another(const char *name); /* of the same hub; the caller closes it */

int loader_world_open(void **state);
int loader_world_close(void **state);
void new_hub(void); /* as after a restart of the process: another stream */
void start_loader(void);
bool stop_loader(void); /* loader_run() returned LOADER_STOPPED */
bool await_end(void);   /* the loader ends by itself: the same; world_end() says how */
int world_end(void);
void set_option(const char *name, const char *value);

bool has_said(const char *text);
void assert_said(const char *text);
struct event next_dead_letter(void);
#endif
