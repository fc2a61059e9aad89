/* check_enrich.h -- the lines of `qidflow check` about the files of [enrich.NAME]. */
#ifndef CHECK_ENRICH_H
#define CHECK_ENRICH_H
#include <stdbool.h>

struct config;

/* Prints a line for each: rows, what matches nothing, what cannot be read. false: one of them cannot be read at all. */
bool check_enrich(const struct config *c);
#endif
