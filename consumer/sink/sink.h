/* sink.h -- what a snapshot can be written as. One file a format; a new one is a file and a line in sinks[].
 *
 * A sink writes its files into a folder, from a database that does not change meanwhile, and tells of each: name, rows, bytes, SHA-256.
 * Whatever it wrote is synced when it returns. The folder becomes a snapshot by rename, so a sink need not clean up. */
#ifndef SINK_H
#define SINK_H
#include <stdbool.h>
#include <stdint.h>
#include "out.h"

struct config;
struct db;

enum { SINK_FILES = 16 };
struct sink_files {
	struct {
		char name[64];
		uint64_t rows; /* 0: of a database, see its tables */
		struct out_sum sum;
	} v[SINK_FILES];
	int n;
};

struct sink_job {
	const struct config *config;
	struct db *source; /* this thread's; with a read transaction where it may change */
	const char *folder;
	struct sink_files *files; /* this sink's */
};

struct sink_ops {
	const char *name; /* as in publish.formats */
	bool
	    makes_source; /* goes first, alone; what it writes, vulnerabilities.sqlite, is the others' source */
	bool (*write)(const struct sink_job *job); /* false: logged, or stop was requested */
};
extern const struct sink_ops sink_sqlite, sink_csv, sink_json;
extern const struct sink_ops *const sinks[]; /* ends with NULL */

void sink_add_file(struct sink_files *files, const char *name, uint64_t rows, const struct out_sum *sum);
#endif
