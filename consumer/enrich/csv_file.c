/* csv_file.c -- the file: opened once, and read from that moment as it was, also when another takes its name.
 *
 * Who writes into it meanwhile is found out at the end, by its size and time. zlib reads plain files as they are. */
#include "csv_file.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "csv_inside.h"
#include "xalloc.h"

enum { PIECE = 64 * 1024, NS = 1000000000 };

static struct csv_stamp stamp_of(const struct stat *st)
{
	return (struct csv_stamp){
	    st->st_size, st->st_mtim.tv_sec * (int64_t)NS + st->st_mtim.tv_nsec, (int64_t)st->st_ino};
}

bool csv_file_stat(const char *path, struct csv_stamp *ret)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	*ret = stamp_of(&st);
	return true;
}

struct csv_stamp csv_file_stamp(const struct csv_file *f)
{
	return f->stamp;
}

/* ---- text */

static bool stops(struct csv_file *f, const char *why)
{
	snprintf(f->why, sizeof(f->why), "%s", why);
	return false;
}

bool csv_file_fill(struct csv_file *f)
{
	int code;

	memmove(f->window, f->window + f->from, f->to - f->from);
	f->to -= f->from;
	f->from = 0;
	unsigned room = (unsigned)(sizeof(f->window) - f->to);
	int n = gzread(f->gz, f->window + f->to, room < PIECE ? room : PIECE);
	const char *error = gzerror(f->gz, &code);
	if (code == Z_BUF_ERROR)
		return stops(f, "the compressed file ends in the middle");
	if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
		return stops(f, code == Z_ERRNO ? strerror(errno) : error);
	if (EVP_DigestUpdate(f->sum, f->window + f->to, (size_t)n) != 1)
		abort();
	f->to += (size_t)n;
	f->ended = n == 0;
	return true;
}

static bool begins_with(const struct csv_file *f, const char *bytes, size_t len)
{
	return f->to - f->from >= len && !memcmp(f->window + f->from, bytes, len);
}

/* Of what is no CSV at all, the words of its maker. */
static bool look_at_beginning(struct csv_file *f)
{
	if (!csv_file_fill(f))
		return false;
	if (begins_with(f, "\xff\xfe", 2) || begins_with(f, "\xfe\xff", 2))
		return stops(f, "it is UTF-16: save it as UTF-8");
	if (begins_with(f, "PK\3\4", 4))
		return stops(f, "it is a ZIP archive or a workbook: save it as CSV");
	if (begins_with(f, "\xef\xbb\xbf", 3))
		f->from += 3;
	const char *text = f->window + f->from, *end = memchr(text, '\r', f->to - f->from);
	if (end && end + 1 < f->window + f->to && !memchr(text, '\n', f->to - f->from))
		return stops(f, "its lines end with carriage returns alone: save it with LF or CRLF");
	return true;
}

static bool skip_comments(struct csv_file *f)
{
	for (;;) {
		char *end = memchr(f->window + f->from, '\n', f->to - f->from);

		if (!end && !f->ended && f->to - f->from < CSV_ROW_BYTES) {
			if (!csv_file_fill(f))
				return false;
			continue;
		}
		if (!begins_with(f, "#", 1))
			return true;
		f->from = end ? (size_t)(end + 1 - f->window) : f->to;
		f->line++;
	}
}

/* ---- the header */

static const struct separator {
	char is;
	const char *word;
} separators[] = {{',', "comma"}, {';', "semicolon"}, {'\t', "tab"}, {'|', "pipe"}};
enum { SEPARATORS = sizeof(separators) / sizeof(separators[0]) };

char csv_separator(const char *word)
{
	for (int i = 0; i < SEPARATORS; i++)
		if (!strcmp(separators[i].word, word))
			return separators[i].is;
	abort(); /* the table of settings has no others */
}

static const char *word_of(char separator)
{
	int i = 0;

	while (separators[i].is != separator)
		i++;
	return separators[i].word;
}

/* A file of another program's: what it has between its columns is in its first line, and what is asked for is not. */
static bool look_at_separator(struct csv_file *f)
{
	const char *line = f->window + f->from, *end = memchr(line, '\n', f->to - f->from);
	size_t len = end ? (size_t)(end - line) : f->to - f->from;

	for (int i = 0; i < SEPARATORS && !memchr(line, f->separator, len); i++)
		if (memchr(line, separators[i].is, len)) {
			snprintf(f->why, sizeof(f->why), "its header has no %s, but a %s: set separator = %s",
			    word_of(f->separator), separators[i].word, separators[i].word);
			return false;
		}
	return true;
}

static bool read_header(struct csv_file *f)
{
	const struct csv_record *r = &f->record;
	int got = look_at_beginning(f) && skip_comments(f) && look_at_separator(f) ? csv_record_next(f) : -1;

	if (got < 0)
		return false;
	if (f->bad.count) {
		snprintf(f->why, sizeof(f->why), "its header cannot be read: line %" PRId64 " %s",
		    f->bad.first[0].line, f->bad.first[0].why);
		return false;
	}
	if (!got)
		return stops(f, "it has no header");
	f->n_columns = r->n;
	for (int i = 0; i < r->n; i++)
		f->columns[i] = xstrdup(r->values[i].text ? r->values[i].text : "");
	return true;
}

static void drop_header(struct csv_file *f)
{
	for (int i = 0; i < f->n_columns; i++)
		free(f->columns[i]);
	f->n_columns = 0;
}

static bool begin(struct csv_file *f)
{
	drop_header(f);
	f->from = f->to = 0;
	f->ended = false;
	f->line = 1;
	f->bad = (struct csv_bad){.count = 0};
	csv_record_close(f);
	csv_record_open(f);
	if (EVP_DigestInit_ex(f->sum, EVP_sha256(), NULL) != 1)
		abort();
	return read_header(f);
}

static bool open_it(struct csv_file *f, const char *path)
{
	struct stat st;

	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe's other end is nobody's business */
	if (f->fd < 0 || fstat(f->fd, &st))
		return stops(f, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return stops(f, "it is no file");
	f->stamp = stamp_of(&st);
	f->gz = gzdopen(f->fd, "rb");
	if (!f->gz)
		abort(); /* out of memory */
	return begin(f);
}

struct csv_file *csv_file_open(const char *path, char separator, char ret_why[static CSV_WHY])
{
	struct csv_file *f = xcalloc(1, sizeof(*f));

	f->fd = -1;
	f->separator = separator;
	f->sum = EVP_MD_CTX_new();
	if (!f->sum)
		abort();
	csv_record_open(f);
	if (open_it(f, path))
		return f;
	memcpy(ret_why, f->why, CSV_WHY);
	csv_file_close(f);
	return NULL;
}

void csv_file_close(struct csv_file *f)
{
	if (!f)
		return;
	drop_header(f);
	csv_record_close(f);
	EVP_MD_CTX_free(f->sum);
	if (f->gz)
		gzclose(f->gz);
	else if (f->fd >= 0)
		close(f->fd);
	free(f);
}

int csv_file_columns(const struct csv_file *f)
{
	return f->n_columns;
}

const char *csv_file_column(const struct csv_file *f, int i)
{
	return f->columns[i];
}

int csv_file_find(const struct csv_file *f, const char *name)
{
	for (int i = 0; i < f->n_columns; i++)
		if (!strcasecmp(f->columns[i], name))
			return i;
	return -1;
}

/* ---- rows */

/* Well-formed, without bytes of zero: as SQLite and JSON need it. */
static bool is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t more = c < 0x80 ? 0 : c < 0xc2 ? 4 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : 4;

		if (!c || more == 4 || more >= len - i)
			return false;
		unsigned char second = more ? (unsigned char)s[i + 1] : 0x80;
		if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
		    (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
		i += more + 1;
	}
	return true;
}

/* Separators alone: a spreadsheet writes them, as many as it likes, for rows that were cleared. */
static bool is_empty(const struct csv_record *r)
{
	int i = 0;

	while (i < r->n && !r->values[i].len)
		i++;
	return i == r->n;
}

static bool is_row(struct csv_file *f)
{
	struct csv_record *r = &f->record;
	char why[72];

	if (r->n != f->n_columns && is_empty(r)) {
		memset(r->values, 0, (size_t)f->n_columns * sizeof(r->values[0]));
		return true;
	}
	if (r->n != f->n_columns) {
		snprintf(why, sizeof(why), "has %d values, the header %d", r->n, f->n_columns);
		csv_file_refuse(f, why);
		return false;
	}
	for (int i = 0; i < r->n; i++)
		if (!is_text(r->values[i].text, r->values[i].len)) {
			csv_file_refuse(f, "is not UTF-8");
			return false;
		}
	return true;
}

int csv_file_next(struct csv_file *f, char ret_why[static CSV_WHY])
{
	int got;

	while ((got = csv_record_next(f)) == 1)
		if (is_row(f))
			return 1;
	if (got < 0)
		memcpy(ret_why, f->why, CSV_WHY);
	return got;
}

const struct csv_value *csv_file_values(const struct csv_file *f)
{
	return f->record.values;
}

int64_t csv_file_line(const struct csv_file *f)
{
	return f->row_line;
}

void csv_file_refuse(struct csv_file *f, const char *why)
{
	csv_record_bad(f, f->row_line, why);
}

const struct csv_bad *csv_file_bad(const struct csv_file *f)
{
	return &f->bad;
}

/* ---- again, and the end */

bool csv_file_again(struct csv_file *f, char ret_why[static CSV_WHY])
{
	if ((gzrewind(f->gz) == 0 || stops(f, "it cannot be read twice")) && begin(f))
		return true;
	memcpy(ret_why, f->why, CSV_WHY);
	return false;
}

bool csv_file_end(struct csv_file *f, char ret_sha256[static CSV_SHA256])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct stat st;

	if (EVP_DigestFinal_ex(f->sum, sum, &len) != 1)
		abort();
	for (unsigned i = 0; i < len; i++)
		snprintf(ret_sha256 + 2 * (size_t)i, 3, "%02x", sum[i]);
	if (fstat(f->fd, &st))
		return false;
	struct csv_stamp now = stamp_of(&st);
	return now.size == f->stamp.size && now.mtime_ns == f->stamp.mtime_ns;
}
