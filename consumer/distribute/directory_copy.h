/* directory_copy.h -- files onto a share: written, synced, and whole by their sums. */
#ifndef DIRECTORY_COPY_H
#define DIRECTORY_COPY_H
#include "files.h"

enum { COPY_MODE = 0644, COPY_FOLDER_MODE = 0755 };

/* The file is at `path`, by size and SHA-256. */
bool copy_is_whole(struct distribute_job *job, const struct file *f, const char *path);
/* Writes, syncs, closes; counts job->bytes. Where it ends early a piece may be left. */
enum distribute_end copy_file(struct distribute_job *job, const struct file *f, const char *path);
enum distribute_end copy_text(struct distribute_job *job, const char *text, const char *path);
/* Names of a folder on the disk. Shares that cannot do that do it on their own. */
enum distribute_end copy_sync_folder(struct distribute_job *job, const char *path);

/* What errno says of a share: no right is REFUSED, all else may pass. */
enum distribute_end copy_failed(struct distribute_job *job, const char *doing, const char *path);
#endif
