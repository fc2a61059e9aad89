/* clock.h -- what time it is. Decisions use the API's clock or the monotonic one, never the wall clock. */
#ifndef CLOCK_H
#define CLOCK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_ms(void);     /* monotonic */
int64_t clock_wall_s(void); /* seconds since 1970, UTC; for people and file names */

/* 2026-11-24T03:00:00Z or 2026-11-24 03:00:00 (UTC), with surrounding white space. false: is not one. */
bool clock_parse(const char *text, size_t len, int64_t *ret_s);
enum { CLOCK_TEXT = 32 };
const char *clock_format_api(int64_t s, char text[static CLOCK_TEXT]);   /* 2026-11-24T03:00:00Z */
const char *clock_format_sql(int64_t s, char text[static CLOCK_TEXT]);   /* 2026-11-24 03:00:00 */
const char *clock_format_file(int64_t s, char text[static CLOCK_TEXT]);  /* 20261124T030000Z */
const char *clock_format_span(int64_t ms, char text[static CLOCK_TEXT]); /* 3 h 12 min, 41 s, for people */
#endif
