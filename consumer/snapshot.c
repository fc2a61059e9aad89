/* snapshot.c -- the files of one snapshot.
 *
 * The copy of the database comes first, alone, and publish.sql is run on it; it does not change any more, and the lists are read from it. Without a
 * copy they are read from the database itself, all in one state (readers.h). Lists and the copy's check are pieces of
 * work that two threads take: the check first, while the copy is in memory and the disk is still writing it, and then the
 * longest, since writing text and packing it is bound by the processor. */
#include "snapshot.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "db.h"
#include "log.h"
#include "manifest.h"
#include "meter.h"
#include "publish_sql.h"
#include "readers.h"
#include "rows.h"
#include "sink.h"
#include "snapshot_report.h"
#include "stop.h"
#include "xalloc.h"

/* Lists 0 and 1 come before the page: it and the others take less. */
enum { THREADS = 2, CHECK = 0, PAGE = 3, PIECES = ROWS_LISTS + 2 };

struct snapshot {
	const struct config *config;
	const char *folder;
	const struct sink_ops *copier; /* NULL: no copy is asked for */
	char *copy;
	struct db *readers[READERS_MOST];
	int n_readers;
	atomic_int next;
	atomic_bool failed;
	bool has_lists, has_page;
	struct rows_files copies, page, files[ROWS_LISTS];
};

/* ---- the copy */

static bool make_copy(struct snapshot *s, struct db *source)
{
	for (const struct sink_ops *const *k = sinks; *k; k++) {
		if (!config_has(s->config, "publish.formats", (*k)->name))
			continue;
		if ((*k)->row)
			s->has_lists = true;
		else
			s->copier = *k;
	}
	if (!s->copier)
		return true;
	s->copy = xasprintf("%s/vulnerabilities.%s", s->folder, s->copier->extension);
	return s->copier->copy(source, s->copy);
}

_Static_assert((int)SNAPSHOT_WHY == (int)PUBLISH_SQL_WHY, "one text");

static bool run_sql(const struct snapshot *s, char ret_refused[static SNAPSHOT_WHY])
{
	char why[PUBLISH_SQL_WHY];

	if (!s->copy || !*config_text(s->config, "publish.sql"))
		return true;
	struct db *d = db_open(s->copy, DB_BULK, 0);
	enum publish_sql result = d ? publish_sql_run(s->config, d, why) : PUBLISH_SQL_STOPPED;
	db_close(d);
	if (result == PUBLISH_SQL_WRONG || result == PUBLISH_SQL_CONSTRAINT) {
		memcpy(ret_refused, why, sizeof(why));
		return fail("publish.sql: %s", why);
	}
	return result == PUBLISH_SQL_DONE;
}

static bool check_copy(struct snapshot *s)
{
	struct rows_file *f = &s->copies.v[0];

	if (!s->copier)
		return true;
	snprintf(f->name, sizeof(f->name), "%s", strrchr(s->copy, '/') + 1);
	f->is_database = true;
	s->copies.n = 1;
	return s->copier->check(s->copy) && out_sum_file(s->copy, &f->sum);
}

/* ---- pieces of work */

static bool do_piece(struct snapshot *s, int piece, struct db *reader)
{
	const struct rows_job job = {s->config, s->folder, &s->failed};

	if (piece == CHECK)
		return check_copy(s);
	if (piece == PAGE)
		return !s->has_page || snapshot_report(&job, reader, &s->page);
	int list = piece < PAGE ? piece - 1 : piece - 2;
	return !s->has_lists || rows_write(&job, reader, list, &s->files[list]);
}

static void work(struct snapshot *s, struct db *reader)
{
	int piece;

	while (!atomic_load(&s->failed) && (piece = atomic_fetch_add(&s->next, 1)) < PIECES)
		if (stop_requested() || !do_piece(s, piece, reader))
			atomic_store(&s->failed, true);
}

static void *work_beside(void *arg)
{
	struct snapshot *s = arg;

	log_scope("publish");
	work(s, s->readers[1]);
	return NULL;
}

static bool do_pieces(struct snapshot *s, const char *database)
{
	pthread_t beside;

	s->n_readers = readers_open(database, THREADS, s->readers);
	if (!s->n_readers)
		return false;
	/* One thread does all that there is, if no second one can be had. */
	bool two = s->n_readers > 1 && pthread_create(&beside, NULL, work_beside, s) == 0;
	work(s, s->readers[0]);
	if (two)
		pthread_join(beside, NULL);
	return !atomic_load(&s->failed);
}

static void add_files(struct rows_files *to, const struct rows_files *from)
{
	for (int i = 0; i < from->n; i++) {
		if (to->n == ROWS_FILES)
			abort();
		to->v[to->n++] = from->v[i];
	}
}

bool snapshot_make(
    const struct config *c, struct db *source, const char *folder, char ret_refused[static SNAPSHOT_WHY])
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	struct rows_files all = {.n = 0};

	s->config = c;
	s->folder = folder;
	*ret_refused = '\0';
	s->has_page = config_has(c, "publish.formats", "html");
	meter_set(METER_ROWS_PUBLISHED, 0);
	db_shrink(source); /* it is not asked much until the end, and the others need caches */
	bool ok = make_copy(s, source) && run_sql(s, ret_refused) &&
		  do_pieces(s, s->copy ? s->copy : db_path(source));
	add_files(&all, &s->copies);
	add_files(&all, &s->page);
	for (int i = 0; i < ROWS_LISTS; i++)
		add_files(&all, &s->files[i]);
	ok = ok && manifest_write(s->readers[0], folder, &all) && snapshot_sync_folder(folder);
	readers_close(s->readers, s->n_readers);
	free(s->copy);
	free(s);
	return ok;
}

/* ---- folders */

bool snapshot_sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		fail("cannot sync %s: %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

bool snapshot_empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	bool ok = dir != NULL;

	while (ok && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ok = unlinkat(dirfd(dir), e->d_name, 0) == 0;
	if (!ok)
		fail("cannot empty %s: %s", folder, strerror(errno));
	if (dir)
		closedir(dir);
	return ok;
}
