/* csv_inside.h -- what csv_file.c (the file, its header) and csv_record.c (from lines to records) share. */
#ifndef CSV_INSIDE_H
#define CSV_INSIDE_H
#include <csv.h>
#include <openssl/evp.h>
#include <zlib.h>
#include "csv_file.h"

enum { CSV_WINDOW = 2 * CSV_ROW_BYTES };

struct csv_record {
	struct csv_value values[CSV_COLUMNS];
	int n;
	bool done, again, full; /* its end came; a second one, within one line; more than CSV_COLUMNS */
	size_t used;
	char text[CSV_ROW_BYTES + CSV_COLUMNS]; /* the values, terminated */
};

struct csv_file {
	int fd;
	gzFile gz;
	char separator;
	struct csv_stamp stamp;
	EVP_MD_CTX *sum;
	char window[CSV_WINDOW]; /* what was read and not yet used: from..to */
	size_t from, to;
	bool ended;
	int64_t line, row_line; /* of window[from]; of the row in hand */
	struct csv_parser parser;
	struct csv_record record;
	int n_columns;
	char *columns[CSV_COLUMNS];
	struct csv_bad bad;
	char why[CSV_WHY]; /* "" or why it cannot be read on */
};

/* More text behind what the window holds, at least until a line's end or the text's. false: see why. */
bool csv_file_fill(struct csv_file *f);
/* csv_record.c. 1: a record; 0: no more; -1: see why. Lines that are no record are counted as bad. */
int csv_record_next(struct csv_file *f);
void csv_record_open(struct csv_file *f);
void csv_record_close(struct csv_file *f);
void csv_record_bad(struct csv_file *f, int64_t line, const char *why);
#endif
