/* parameters.h -- the form-encoded parameters of a call, decoded, and what their values can be. */
#ifndef SIM_PARAMETERS_H
#define SIM_PARAMETERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parameter {
	char *name, *value;
};

struct parameters {
	struct parameter *list;
	uint32_t count;
	char *text; /* what names and values point into */
};

struct parameters parameters_read(
    const char *query, size_t query_length, const char *body, size_t body_length);
void parameters_free(struct parameters *p);
const char *parameters_find(const struct parameters *p, const char *name); /* NULL: not given */

bool parameter_read_number(const char *text, uint64_t *ret);
bool parameter_read_date(const char *text, int64_t *ret_s); /* YYYY-MM-DD[THH:MM:SSZ] */

struct id_range {
	uint64_t low, high;
};
/* "1-5,9": sorted, without overlaps; the caller frees. On false *ret_bad is the item that is neither. */
bool parameter_read_ids(const char *text, struct id_range **ret, uint32_t *ret_count, char ret_bad[64]);
#endif
