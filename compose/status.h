/* status.h -- the JSON form of status, and what both forms share. */
#ifndef STATUS_H
#define STATUS_H
#include <stdio.h>
#include "status_read.h"

bool status_print_json(const struct status *s, const char *data, FILE *to); /* false: logged */
#endif
