/* files.h -- which files of a snapshot go to a target, as its manifest and distribute.*.files say; manifest.json is last.
 *
 * Where the setting leaves some out, the manifest that is sent does not name them: whoever reads the target finds all that
 * it names. */
#ifndef FILES_H
#define FILES_H
#include "distribute.h"
#include "sum.h"

struct file {
	char *name; /* without a folder */
	uint64_t bytes;
	char sha256[SUM_HEX];
	const char *data; /* of manifest.json, what it holds; NULL: it is a file in job->folder */
};

enum { FILES_DATABASE = 64 };

struct files {
	struct file *v;
	size_t n;
	char *manifest;
	char database[FILES_DATABASE]; /* whose snapshot it is; "": its manifest does not say */
};

/* SENT: read. Else job->why says what is wrong with the manifest. */
enum distribute_end files_open(struct distribute_job *job, struct files *ret);
void files_close(struct files *f);
/* As any manifest.json says; "" also where it cannot be read. */
void files_database(struct distribute_job *job, const char *path, char ret_id[static FILES_DATABASE]);
/* latest.json, where what it names stands below `prefix` ("" or "some/prefix/"). free() it. */
char *files_latest(const struct distribute_job *job, const struct files *f, const char *prefix);
#endif
