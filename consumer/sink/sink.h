/* sink.h -- what a snapshot can be written as. One file a format; a new one is a file and a line in sinks[].
 *
 * A sink either copies the whole database (then its file is what the others read), or makes text of lists, row by row:
 * then it sees values and never SQLite, and who calls it owns the file. What it adds to `to` is UTF-8. */
#ifndef SINK_H
#define SINK_H
#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct db;

enum sink_kind { SINK_NULL, SINK_NUMBER, SINK_TEXT };
struct sink_value {
	enum sink_kind kind;
	size_t len;
	const char *text; /* not terminated; of a number: as JSON writes it */
};

enum { SINK_COLUMNS = 256, SINK_NAME = 80, SINK_ROW_AT_ONCE = 64 * 1024 };
struct sink_column {
	char name[SINK_NAME];
	bool is_json; /* its text is a JSON value */
	size_t key_len;
	char key[96]; /* ,"NAME": and zeros */
};
struct sink_list {
	int n;
	bool guard; /* publish.csv_guard */
	struct sink_column columns[SINK_COLUMNS];
};

struct sink_ops {
	const char *name;      /* as in publish.formats */
	const char *extension; /* of its files */

	/* Of the whole database: makes the file `path`, which does not exist. false: logged, or stop was requested. */
	bool (*copy)(struct db *source, const char *path);
	/* Is the copy sound? Others may read it meanwhile. */
	bool (*check)(const char *path);

	/* Of lists: the text before the first row, and that of a row. false: over the ceiling of `to`. */
	bool (*head)(const struct sink_list *l, struct buffer *to);
	bool (*row)(const struct sink_list *l, const struct sink_value *values, struct buffer *to);
};
extern const struct sink_ops sink_sqlite, sink_csv, sink_json;
extern const struct sink_ops *const sinks[]; /* ends with NULL */

/* From the working database's tables to those of a snapshot, with its indexes. false: logged, or stop was requested. */
bool sink_sqlite_finish(struct db *d);
void sink_add_column(struct sink_list *l, const char *name, bool is_json);
#endif
