/* record_json.h -- a text in JSON, for who writes so many that room is made beforehand. */
#ifndef RECORD_JSON_H
#define RECORD_JSON_H
#include <stddef.h>

/* What record_json_put() may write, if only for a moment. */
#define RECORD_JSON_ROOM(len) ((len)*6 + 32)

char *record_json_put(const char *s, size_t len, char *to); /* quoted; where it ends */
#endif
