/* publish_world.h -- a data folder with a database worth publishing, for tests. */
#ifndef PUBLISH_WORLD_H
#define PUBLISH_WORLD_H
#include "config.h"
#include "db.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "publish.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <cmocka.h>

enum { WORLD_HOSTS = 30, WORLD_PER_HOST = 10, WORLD_STARTED = 1795489200 /* 2026-11-24T03:00:00Z */ };
#define WORLD_NAME "20261124T030000Z"

struct publish_world {
	char data[64], said[4096]; /* the last lines of the log */
	struct config *config;
	struct db *db; /* DATA/qidflow.sqlite */
	publish_may_fn *may;
	char refused[PUBLISH_WHY];
};
extern struct publish_world pub;

int publish_world_open(void **state); /* for cmocka_unit_test_setup_teardown */
int publish_world_close(void **state);
void publish_world_set(const char *name, const char *value);

bool publish_world_run(int64_t started_at, char ret_name[static PUBLISH_NAME]);
void assert_published(const char *name); /* a run of WORLD_STARTED is, by this name */

bool is_there(const char *path); /* below DATA; a link counts as it is */
void assert_latest(const char *name);
void assert_said(const char *text);
int64_t ask(const char *database, const char *sql); /* a path below DATA */
/* tests/publish_check.py of a folder below DATA; more: further arguments, or NULL. */
void assert_checked(const char *folder, const char *more, const char *value);
/* In a child process, which ends with 0 where it is true. */
pid_t begin_beside(bool (*act)(void));
bool end_beside(pid_t pid);
#endif
