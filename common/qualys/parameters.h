/* parameters.h -- what is posted: our defaults, changed or removed by a setting ("a=b&c=": c is left out). */
#ifndef PARAMETERS_H
#define PARAMETERS_H
#include <stdbool.h>
#include <stddef.h>

struct buffer;

/* Writes the form: `defaults` (NULL-terminated "name=value") with `changes` applied, then `rest` names cannot be changed. */
bool parameters_write(struct buffer *to, const char *const *defaults, const char *changes);
/* Adds name=value, the value percent-encoded. */
bool parameters_add(struct buffer *to, const char *name, const char *value);
#endif
