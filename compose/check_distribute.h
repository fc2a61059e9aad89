/* check_distribute.h -- whether the targets of [distribute.NAME] could be served now. */
#ifndef CHECK_DISTRIBUTE_H
#define CHECK_DISTRIBUTE_H
#include <stdbool.h>

struct config;

/* A line for each on standard output. true: all are fine, or there are none. */
bool check_distribute(const struct config *c);
#endif
