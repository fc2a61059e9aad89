/* store_world.h -- a database for a test, sets in a short form, and what the database holds in the same form.
 *
 * A list of detections: "7/100/text,8/101,-/102/" -- UNIQUE_VULN_ID (-: none), QID, and RESULTS where there are any. */
#ifndef STORE_WORLD_H
#define STORE_WORLD_H
#include "arena.h"
#include "db.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "store_mark.h"
#include "store_part.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct world {
	char path[64], said[16384];
	struct db *db;
	struct store *store;
	struct arena *arena;
};
extern struct world world;

int world_open(void **state); /* for cmocka_unit_test_setup_teardown; in a transaction */
int world_close(void **state);
void world_again(void); /* commits, closes and opens it */

Qidflow__V1__HostDetections *make_set(uint64_t id, uint64_t run, uint64_t number, const char *detections);
enum stored apply(uint64_t id, uint64_t run, uint64_t number, const char *detections);
/* `more`: it goes on with the last detection of the part before. */
enum stored apply_part(
    uint64_t id, uint64_t run, uint64_t number, unsigned part, bool more, const char *detections);
enum stored apply_last(
    uint64_t id, uint64_t run, uint64_t number, unsigned parts, bool more, const char *detections);

void assert_host(uint64_t id, const char *detections); /* "": no rows of it anywhere */
int64_t ask(const char *sql);
void assert_text(const char *sql, const char *text); /* NULL: is NULL */
void assert_marked(uint64_t id, bool is);
void assert_said(const char *text);
#endif
