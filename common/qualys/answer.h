/* answer.h -- what became of a call: HTTP status, headers and SIMPLE_RETURN in, enum api_result and limits out. Pure.
 *
 * Source: the table of the VM API's guide and its limits' guide; each row has a test. */
#ifndef ANSWER_H
#define ANSWER_H
#include <stddef.h>
#include "api.h"

/* What headers and items said so far; -1: nothing. What is missing, empty or nonsense says nothing. */
struct answer_told {
	struct governor_limits limits;
	int64_t date_s, retry_at_s; /* Date; Retry-After as a date */
};
#define ANSWER_NOTHING_TOLD                                                                                  \
	{                                                                                                    \
		GOVERNOR_NOTHING_TOLD, -1, -1                                                                \
	}

/* One header line, "Name: value" with or without its line end. */
void answer_header(struct answer_told *t, const char *line, size_t size);
/* SECONDS_TO_WAIT of an ITEM_LIST; others are for people. */
void answer_item(struct answer_told *t, const char *key, const char *value);
/* A Retry-After date counts from the answer's own Date; now_wall_s: where it has none. */
struct governor_limits answer_limits(const struct answer_told *t, int64_t now_wall_s);

/* HTTP status and code of a SIMPLE_RETURN (0: none) where nothing of the expected document came. */
enum api_result answer_judge(int http_status, int code);
/* RESPONSE/DATETIME: UTC, or with an offset, "+02:00". false: is not one. */
bool answer_datetime(const char *text, int64_t *ret_s);
/* Title, or else first line, of something that is no XML, for people: without control characters. */
void answer_excerpt(const char *body, size_t size, char *text, size_t room);
#endif
