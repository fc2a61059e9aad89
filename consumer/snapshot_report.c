/* snapshot_report.c -- report.html, one of the files of a snapshot. */
#include "snapshot_report.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "buffer.h"
#include "config.h"
#include "db.h"
#include "diff.h"
#include "log.h"
#include "publish_folder.h"
#include "report.h"
#include "report_run.h"
#include "schema.h"
#include "xalloc.h"

enum { NAMES_MOST = 64 /* looked through for a page or a database of before */ };
#define PAGE     "report.html"
#define DATABASE "vulnerabilities.sqlite"

struct neighbours {
	struct db *database; /* of the one that is compared with */
	char *page;          /* the newest one's, whichever */
	const char *why_not;
};

/* NULL: there is none, or none that can be read whole; then the trend begins anew, which is no reason to publish nothing. */
static char *read_page(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s/" PAGE, folder, name), *page = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= REPORT_MOST) {
		size_t size = (size_t)st.st_size;

		page = xmalloc(size + 1);
		if (read(fd, page, size) == st.st_size) {
			page[size] = '\0';
		} else {
			log_line(
			    LOG_WARN, "cannot read %s: %s: the trend begins anew", path, strerror(errno));
			free(page);
			page = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return page;
}

static struct db *open_database(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s/" DATABASE, folder, name);
	struct db *d = access(path, R_OK) == 0 ? db_open(path, DB_READ, 0) : NULL;
	bool can;

	free(path);
	if (d && diff_can_read(d, &can) && can)
		return d;
	db_close(d);
	return NULL;
}

static void look_for(
    struct neighbours *n, const char *folder, const struct manifest_of *mine, bool can_compare)
{
	struct publish_snapshot earlier[NAMES_MOST];
	size_t found = publish_folder_earlier(folder, mine, earlier, NAMES_MOST);

	for (size_t i = 0; i < found && !n->page; i++)
		n->page = read_page(folder, earlier[i].name);
	n->why_not = "There is no snapshot of an earlier run of this database to compare with.";
	if (!found)
		return;
	n->database = can_compare ? open_database(folder, earlier[0].name) : NULL;
	n->why_not = "What changed is told where this snapshot and the one before hold a database: "
		     "publish.formats needs sqlite for that.";
}

static bool write_file(const struct rows_job *job, const struct buffer *page, struct rows_files *ret_files)
{
	struct rows_file *f = &ret_files->v[ret_files->n];
	char *path = xasprintf("%s/" PAGE, job->folder);
	struct out *o = out_open(path, OUT_PLAIN);
	bool ok = o && out_write(o, page->data, page->size);

	*f = (struct rows_file){.name = PAGE, .is_page = true};
	if (o)
		ok = out_close(o, ok ? &f->sum : NULL) && ok;
	free(path);
	ret_files->n += ok;
	return ok;
}

bool snapshot_report(const struct rows_job *job, struct db *reader, struct rows_files *ret_files)
{
	struct neighbours n = {.database = NULL};
	char *folder = xasprintf("%s/publish", config_text(job->config, "data"));
	struct report_run run;
	struct manifest_of mine;
	struct buffer page;

	buffer_open(&page, REPORT_MOST);
	bool can, ok = report_run_read(reader, &run) && schema_database_id(reader, mine.database) &&
		       diff_can_read(reader, &can);
	if (ok) {
		mine.run = run.run;
		look_for(&n, folder, &mine, can);
	}
	const struct report_context context = {.by = config_text(job->config, "report.by"),
	    .previous = n.database,
	    .why_not = n.why_not,
	    .earlier = n.page,
	    .give_up = job->give_up};
	ok = ok && report_write(reader, &context, &page) && write_file(job, &page, ret_files);
	db_close(n.database);
	free(n.page);
	free(folder);
	buffer_close(&page);
	return ok;
}
