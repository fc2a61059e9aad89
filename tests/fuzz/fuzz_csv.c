/* fuzz_csv.c -- a CSV file of anybody, plain or gzip: it is read or refused, twice the same, and so are its keys.
 *
 * The first byte says what stands between its columns. Files that unpack to very many rows are read no further than some. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "csv_file.h"
#include "enrich_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MOST = 5000 };

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* A key in its one form is that of itself. */
static void look_at_key(const struct csv_value *v)
{
	char key[ENRICH_KEY], again[ENRICH_KEY];

	for (int m = 0; m < MATCHES; m++)
		if (enrich_key_read((enum enrich_match)m, v->text ? v->text : "", v->len, key))
			must(enrich_key_read((enum enrich_match)m, key, strlen(key), again) &&
			     !strcmp(key, again));
}

/* Reads on to the end; what came, as a number. */
static uint64_t read_rows(struct csv_file *f)
{
	char why[CSV_WHY];
	uint64_t all = 5381;
	int64_t line = 0;

	for (int rows = 0; rows < ROWS_MOST && csv_file_next(f, why) == 1; rows++) {
		must(csv_file_line(f) > line);
		line = csv_file_line(f);
		for (int i = 0; i < csv_file_columns(f); i++) {
			const struct csv_value *v = &csv_file_values(f)[i];

			must(v->text ? strlen(v->text) == v->len : v->len == 0);
			for (size_t k = 0; k < v->len; k++)
				all = all * 33 + (unsigned char)v->text[k];
			all = all * 33 + (v->text ? 1 : 2);
		}
		look_at_key(&csv_file_values(f)[0]);
	}
	return all * 33 + (uint64_t)csv_file_bad(f)->count;
}

static void read_twice(struct csv_file *f)
{
	char why[CSV_WHY];

	must(csv_file_columns(f) > 0 && csv_file_find(f, csv_file_column(f, 0)) == 0);
	uint64_t first = read_rows(f);
	must(csv_file_again(f, why) && read_rows(f) == first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char separators[] = ",;\t|";
	static int fd = -1;
	char path[64], why[CSV_WHY];

	if (!size)
		return 0;
	if (fd < 0)
		fd = memfd_create("csv", MFD_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data + 1, size - 1, 0) == (ssize_t)(size - 1));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct csv_file *f = csv_file_open(path, separators[data[0] % 4], why);
	if (f)
		read_twice(f);
	csv_file_close(f);
	return 0;
}
