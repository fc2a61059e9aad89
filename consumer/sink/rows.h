/* rows.h -- the lists that a snapshot holds as text: vulnerabilities, detections, knowledgebase, hosts.
 *
 * A list is read once, row by row, and each row goes to every format that is asked for; memory is that of the longest
 * row. The columns are those that the database has, so that one of an older qidflow can be read too. */
#ifndef ROWS_H
#define ROWS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "out.h"

struct config;
struct db;

enum { ROWS_LISTS = 4, ROWS_FILES = 16, ROWS_NAME = 64 };

struct rows_file {
	char name[ROWS_NAME];
	uint64_t rows;
	bool is_database, is_page; /* either: `rows` says nothing */
	struct out_sum sum;
};
struct rows_files {
	int n;
	struct rows_file v[ROWS_FILES];
};

struct rows_job {
	const struct config *config;
	const char *folder;
	const atomic_bool *give_up; /* looked at as stop_requested() is */
};

/* Writes list number `list` (the first ones take longest) in all formats of publish.formats that are text, and adds the
 * files. `source` belongs to this thread and must not change under it. false: logged, or told to stop. */
bool rows_write(const struct rows_job *job, struct db *source, int list, struct rows_files *ret_files);
#endif
