/* directory_share.h -- what the files of the type directory share: one sending of a snapshot to a folder. */
#ifndef DIRECTORY_SHARE_H
#define DIRECTORY_SHARE_H
#include "files.h"

#define SHARE_TEMPORARY ".tmp-"
enum { SHARE_ID = 8 };

struct share {
	struct distribute_job *job;
	const char *path;
	struct files files;
	char id[SHARE_ID +
		1];  /* in temporary names, of the snapshot's database: those of another are not ours */
	size_t sent; /* of files; the others were there */
};

/* SENT: all settings and files are known. Else job->why. */
enum distribute_end share_open(struct distribute_job *job, struct share *ret);
void share_close(struct share *s);
char *share_file(const struct share *s, const char *name); /* PATH/name; free() it */
char *share_temporary(
    const struct share *s, const char *name); /* what is to be called so, while it is made; free() it */

/* directory_put.c: the snapshot, whole, and what points to it. */
enum distribute_end share_put(struct share *s);

/* directory_old.c */
/* The names in a folder that `is`; *ret_n of them, share_names_free() them. */
char **share_names(const char *path, bool (*is)(const char *name), size_t *ret_n);
void share_names_free(char **v, size_t n);
bool share_is_any(const char *name);
/* A file, a link, or a folder of files. What cannot be removed is told and stays. */
void share_remove(const char *path);
void share_remove_temporaries(const struct share *s, const char *but); /* ours; but: a path, or NULL */
void share_keep(struct share *s); /* what distribute.NAME.keep has no room for */
#endif
