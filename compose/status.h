/* status.h -- the JSON form of status, and what both forms share. */
#ifndef STATUS_H
#define STATUS_H
#include <stdio.h>
#include "status_read.h"

bool status_print_json(const struct status *s, const char *data, FILE *to); /* false: logged */

/* Its run, or a new one in its place; NULL: ten newer ones are known. */
struct status_run *status_run_place(struct status *t, int64_t run);
/* The runs as qidflow.runs tells them, where there is no progress.db. false: logged. */
struct config;
bool status_stream_read(const struct config *c, struct status *to);

/* status_cluster_text.c, to stdout */
void status_print_leader(const struct status_cluster *s);  /* and the API's budget */
void status_print_cluster(const struct status_cluster *s); /* fetchers, batches in hand, lag */
#endif
