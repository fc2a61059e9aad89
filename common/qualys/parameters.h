/* parameters.h -- what is posted: our defaults, changed or removed by a setting ("a=b&c=": c is left out). */
#ifndef PARAMETERS_H
#define PARAMETERS_H
#include <stdbool.h>
#include <stddef.h>

struct buffer;

/* Writes the form: `defaults` (NULL-terminated "name=value") with `changes` applied. What `changes` says of a
 * name in `reserved` (NULL-terminated) is left out. false: over the buffer's ceiling. */
bool parameters_write(
    struct buffer *to, const char *const *defaults, const char *const *reserved, const char *changes);
/* Adds name=value, the value percent-encoded. */
bool parameters_add(struct buffer *to, const char *name, const char *value);
/* The first part of `changes` that is no name=value or stands in `reserved`, and its size; NULL: none. */
const char *parameters_wrong(const char *changes, const char *const *reserved, size_t *ret_size);
#endif
