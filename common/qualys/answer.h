/* answer.h -- what became of a call: HTTP status, headers and SIMPLE_RETURN in, enum api_result and limits out. Pure.
 *
 * Source: the table of the VM API's guide and its limits' guide; each row has a test. */
#ifndef ANSWER_H
#define ANSWER_H
#include <stddef.h>
#include "api.h"

/* One header line, "Name: value" with or without its line end. What is missing, empty or nonsense stays -1. */
void answer_header(struct governor_limits *l, const char *line, size_t size, int64_t now_wall_s);
/* HTTP status and code of a SIMPLE_RETURN (0: none) where nothing of the expected document came. */
enum api_result answer_judge(int http_status, int code);
/* SECONDS_TO_WAIT and CALLS_TO_FINISH of an ITEM_LIST. */
void answer_item(struct governor_limits *l, const char *key, const char *value);
/* First line of something that is no XML, for people: without control characters. */
void answer_excerpt(const char *body, size_t size, char *text, size_t room);
#endif
