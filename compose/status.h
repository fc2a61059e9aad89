/* status.h -- the JSON form of status, and what both forms share. */
#ifndef STATUS_H
#define STATUS_H
#include <stdio.h>
#include "status_read.h"

bool status_print_json(const struct status *s, const char *data, FILE *to); /* false: logged */

/* status_cluster_text.c, to stdout */
void status_print_leader(const struct status_cluster *s);  /* and the API's budget */
void status_print_cluster(const struct status_cluster *s); /* fetchers, batches in hand, lag */
#endif
