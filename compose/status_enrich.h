/* status_enrich.h -- what status says of the sources of [enrich.NAME], and of publish.sql. */
#ifndef STATUS_ENRICH_H
#define STATUS_ENRICH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once the file of publish.sql is mended. */
#define STATUS_PUBLISH_REMEDY "qidflow export"

struct db;
struct status_source { /* a row of qidflow_enrich */
	char name[40], state[16], loaded_at[32];
	char *file, *error, *unreadable_lines, *turned; /* "" where there is none */
	int64_t rows, duplicates, unreadable, matched, of, unused, without_key;
};
struct status_enrich {
	struct status_source *sources;
	size_t n;
	char *refused;   /* why the newest run has no snapshot; NULL: it has */
	char *due_error; /* columns of due.earlier that set no date, and why; NULL: none */
};

bool status_enrich_read(struct db *d, struct status_enrich *ret); /* into what is all 0; false: logged */
void status_enrich_close(struct status_enrich *t);
void status_enrich_print(const struct status_enrich *s); /* to stdout */
#endif
