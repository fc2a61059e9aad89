/* answer.c -- what became of a call. */
#include "answer.h"
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_MOST = 1000000000 };

static int64_t number(const char *s, size_t size)
{
	int64_t n = 0;
	size_t i = 0;

	while (i < size && isspace((unsigned char)s[i]))
		i++;
	size_t first = i;
	for (; i < size && isdigit((unsigned char)s[i]); i++)
		if ((n = n * 10 + (s[i] - '0')) > NUMBER_MOST)
			return -1;
	if (i == first)
		return -1;
	while (i < size && isspace((unsigned char)s[i]))
		i++;
	return i == size ? n : -1;
}

static int64_t retry_after_ms(const char *s, size_t size, int64_t now_wall_s)
{
	char text[64];
	int64_t seconds = number(s, size);

	if (seconds < 0 && size < sizeof(text)) {
		memcpy(text, s, size);
		text[size] = '\0';
		time_t at = curl_getdate(text, NULL);
		seconds = at < 0 ? -1 : at > now_wall_s ? (int64_t)at - now_wall_s : 0;
	}
	return seconds < 0 ? -1 : seconds * 1000;
}

void answer_header(struct governor_limits *l, const char *line, size_t size, int64_t now_wall_s)
{
	static const struct {
		const char *name;
		size_t at;
	} known[] = {
	    {"X-Concurrency-Limit-Limit", offsetof(struct governor_limits, calls_at_once)},
	    {"X-Concurrency-Limit-Running", offsetof(struct governor_limits, running)},
	    {"X-RateLimit-Limit", offsetof(struct governor_limits, calls)},
	    {"X-RateLimit-Window-Sec", offsetof(struct governor_limits, window_s)},
	    {"X-RateLimit-Remaining", offsetof(struct governor_limits, remaining)},
	};
	const char *colon = memchr(line, ':', size);

	if (!colon)
		return;
	size_t name = (size_t)(colon - line), rest = size - name - 1;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == name && strncasecmp(line, known[i].name, name) == 0)
			*(int64_t *)((char *)l + known[i].at) = number(colon + 1, rest);
	int64_t wait = -1;
	if (name == 21 && strncasecmp(line, "X-RateLimit-ToWait-Sec", name) == 0)
		wait = number(colon + 1, rest);
	if (name == 22 && strncasecmp(line, "X-RateLimit-ToWait-Sec", name) == 0)
		wait = number(colon + 1, rest);
	if (wait > 0)
		wait *= 1000;
	if (name == 11 && strncasecmp(line, "Retry-After", name) == 0)
		wait = retry_after_ms(colon + 1, rest, now_wall_s);
	if (wait > 0 && wait > l->wait_ms)
		l->wait_ms = wait;
}

enum api_result answer_judge(int status, int code)
{
	switch (code) {
	case 1960:
	case 1920: return API_TOO_MANY;
	case 1965: return API_TOO_FAST;
	case 2000:
	case 2001:
	case 2002:
	case 2003: return API_DENIED;
	case 999: return API_UNAVAILABLE;
	default: break;
	}
	if (status == 401 || status == 403)
		return API_DENIED;
	if (status == 429)
		return API_TOO_FAST;
	if (status == 400 || status == 414 || (code >= 1901 && code <= 1922))
		return API_BAD_REQUEST;
	return API_UNAVAILABLE;
}

void answer_item(struct governor_limits *l, const char *key, const char *value)
{
	int64_t n = value ? number(value, strlen(value)) : -1;

	if (key && strcmp(key, "SECONDS_TO_WAIT") == 0 && n >= 0 && n * 1000 > l->wait_ms)
		l->wait_ms = n * 1000;
}

void answer_excerpt(const char *body, size_t size, char *text, size_t room)
{
	size_t n = 0;

	while (size && isspace((unsigned char)*body)) {
		body++;
		size--;
	}
	for (size_t i = 0; i < size && body[i] != '\n' && n + 1 < room && n < 120; i++)
		text[n++] = isprint((unsigned char)body[i]) ? body[i] : '?';
	text[n] = '\0';
}
