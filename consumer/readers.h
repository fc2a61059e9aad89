/* readers.h -- several connections to one database that all see the same state of it, also while others write.
 *
 * Each is in a read transaction from readers_open() to readers_close() and may go to a thread of its own. */
#ifndef READERS_H
#define READERS_H
#include <stdbool.h>

struct db;
enum { READERS_MOST = 4 };

/* Of `n`, as many as could be had in one state: at least one. 0: logged. */
int readers_open(const char *path, int n, struct db *ret_readers[static READERS_MOST]);
void readers_close(struct db **readers, int n);
#endif
