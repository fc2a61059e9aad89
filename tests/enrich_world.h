/* enrich_world.h -- a database with some hosts and QIDs, and files to enrich it with, for tests. */
#ifndef ENRICH_WORLD_H
#define ENRICH_WORLD_H
#include "config.h"
#include "db.h"
#include "enrich.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct enrich_test_world {
	char folder[64], said[8192];
	struct config *config;
	struct db *db;
	int64_t run;
};
extern struct enrich_test_world world;

int enrich_world_open(void **state); /* for cmocka_unit_test_setup_teardown */
int enrich_world_close(void **state);

const char *world_path(const char *file);
void world_set(const char *name, const char *value);
void world_write(const char *file, const char *text); /* another file, renamed to this name */
/* A file that was written only just now is read again, in case more comes. */
void world_make_older(const char *file);
void world_source(const char *name, const char *match, const char *text); /* [enrich.NAME] of NAME.csv */
bool world_load(void); /* as the loader does: a transaction, views made anew */
void assert_load(void);
void assert_rows(const char *sql, const char *rows); /* values by |, rows by ; NULL as - */
void assert_said(const char *text);
#endif
