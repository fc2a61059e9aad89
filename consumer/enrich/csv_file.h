/* csv_file.h -- a CSV file of a user's, plain or gzip, read row by row in memory that does not grow with it.
 *
 * A header row, UTF-8 with or without BOM, LF or CRLF, lines that begin with # before the header, one of four
 * separators. A row that cannot be read is counted, told by its line, and left out; a file that cannot be read says why. */
#ifndef CSV_FILE_H
#define CSV_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CSV_COLUMNS = 2000,
	CSV_ROW_BYTES = 256 * 1024, /* a row that is longer cannot be read: a quote that nobody closed */
	CSV_BAD_SHOWN = 5,
	CSV_WHY = 256,
	CSV_SHA256 = 65
};

struct csv_value { /* without white space around it; NULL: empty */
	const char *text;
	size_t len;
};
struct csv_bad { /* rows that cannot be read */
	int64_t count;
	struct {
		int64_t line;
		char why[72];
	} first[CSV_BAD_SHOWN];
};
struct csv_stamp { /* tells a file from another, or from what it was before */
	int64_t size, mtime_ns, inode;
};

char csv_separator(const char *word); /* of "comma", "semicolon", "tab", "pipe" */
struct csv_file;
/* With its header read. NULL: ret_why says why not, in words that follow the file's name. */
struct csv_file *csv_file_open(const char *path, char separator, char ret_why[static CSV_WHY]);
void csv_file_close(struct csv_file *f); /* NULL is fine */

int csv_file_columns(const struct csv_file *f);
const char *csv_file_column(const struct csv_file *f, int i);  /* "" where the header has no name */
int csv_file_find(const struct csv_file *f, const char *name); /* in any case; -1: there is none */

/* 1: a row; 0: no more; -1: what follows cannot be read, ret_why says why. */
int csv_file_next(struct csv_file *f, char ret_why[static CSV_WHY]);
const struct csv_value *csv_file_values(
    const struct csv_file *f); /* as many as columns; until the next call */
int64_t csv_file_line(const struct csv_file *f);
void csv_file_refuse(
    struct csv_file *f, const char *why); /* the row in hand counts as one that cannot be read */
const struct csv_bad *csv_file_bad(const struct csv_file *f);

/* From the first row again; the same file, also when its name is another's by now. */
bool csv_file_again(struct csv_file *f, char ret_why[static CSV_WHY]);
/* After the last row: SHA-256 of its text. false: somebody wrote into it meanwhile. */
bool csv_file_end(struct csv_file *f, char ret_sha256[static CSV_SHA256]);
struct csv_stamp csv_file_stamp(const struct csv_file *f);
bool csv_file_stat(const char *path, struct csv_stamp *ret); /* false: errno says why */
#endif
