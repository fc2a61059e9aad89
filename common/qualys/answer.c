/* answer.c -- what became of a call. */
#include "answer.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "clock.h"

enum {
	NUMBER_MOST = 1000000000,
	WAIT_MOST_S = 7 * 24 * 3600, /* longer than any window: nonsense */
	EXCERPT_MOST = 120
};

/* Digits with white space around them; anything else is -1. */
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

/* "Sun, 06 Nov 1994 08:49:37 GMT", the one form that RFC 9110 lets a server write. -1: is not one. */
static int64_t http_date(const char *s, size_t size)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec",
			  form[] = "aaa, dd aaa dddd dd:dd:dd GMT";
	char text[CLOCK_TEXT];
	int month = 0;
	int64_t at;

	while (size && isspace((unsigned char)*s)) {
		s++;
		size--;
	}
	while (size && isspace((unsigned char)s[size - 1]))
		size--;
	if (size != sizeof(form) - 1)
		return -1;
	for (size_t i = 0; i < size; i++)
		if (form[i] == 'd'   ? !isdigit((unsigned char)s[i])
		    : form[i] == 'a' ? !isalpha((unsigned char)s[i])
				     : s[i] != form[i])
			return -1;
	while (month < 12 && strncasecmp(months + (size_t)month * 3, s + 8, 3) != 0)
		month++;
	int n = snprintf(text, sizeof(text), "%.4s-%02d-%.2sT%.8sZ", s + 12, month + 1, s + 5, s + 17);
	return clock_parse(text, (size_t)n, &at) ? at : -1;
}

static bool is_name(const char *line, size_t size, const char *name)
{
	return strlen(name) == size && strncasecmp(line, name, size) == 0;
}

/* The longest of several holds. */
static void take_wait(struct answer_told *t, int64_t seconds)
{
	if (seconds >= 0 && seconds <= WAIT_MOST_S && seconds * 1000 > t->limits.wait_ms)
		t->limits.wait_ms = seconds * 1000;
}

void answer_header(struct answer_told *t, const char *line, size_t size)
{
	struct governor_limits *l = &t->limits;
	const struct {
		const char *name;
		int64_t *to;
	} known[] = {
	    {"X-Concurrency-Limit-Limit", &l->calls_at_once},
	    {"X-Concurrency-Limit-Running", &l->running},
	    {"X-RateLimit-Limit", &l->calls},
	    {"X-RateLimit-Window-Sec", &l->window_s},
	    {"X-RateLimit-Remaining", &l->remaining},
	};
	const char *colon = memchr(line, ':', size);

	if (!colon)
		return;
	const char *value = colon + 1;
	size_t name = (size_t)(colon - line), value_size = size - name - 1;
	int64_t n = number(value, value_size);
	for (size_t i = 0; n >= 0 && i < sizeof(known) / sizeof(known[0]); i++)
		if (is_name(line, name, known[i].name))
			*known[i].to = n;
	if (is_name(line, name, "X-RateLimit-ToWait-Sec") || is_name(line, name, "Retry-After"))
		take_wait(t, n);
	if (n < 0 && is_name(line, name, "Retry-After"))
		t->retry_at_s = http_date(value, value_size);
	if (is_name(line, name, "Date"))
		t->date_s = http_date(value, value_size);
}

void answer_item(struct answer_told *t, const char *key, const char *value)
{
	if (key && value && strcmp(key, "SECONDS_TO_WAIT") == 0)
		take_wait(t, number(value, strlen(value)));
}

struct governor_limits answer_limits(const struct answer_told *t, int64_t now_wall_s)
{
	struct answer_told all = *t;

	if (t->retry_at_s >= 0)
		take_wait(&all, t->retry_at_s - (t->date_s >= 0 ? t->date_s : now_wall_s));
	return all.limits;
}

static bool is_our_fault(int status)
{
	static const int statuses[] = {400, 404, 405, 410, 413, 414, 415, 431};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i] == status)
			return true;
	return false;
}

/* A code says more than the status, except that no code makes 401 and 403 worth another call. */
enum api_result answer_judge(int status, int code)
{
	if (code == 1960 || code == 1920)
		return API_TOO_MANY;
	if (code == 1965)
		return API_TOO_FAST;
	if (status == 401 || status == 403 || (code >= 2000 && code < 2100))
		return API_DENIED;
	if (code >= 1901 && code <= 1922)
		return API_BAD_REQUEST;
	if (code == 999)
		return API_UNAVAILABLE;
	if (status == 429 || (status == 409 && code == 0)) /* one of both limits; a wait helps against each */
		return API_TOO_FAST;
	return is_our_fault(status) ? API_BAD_REQUEST : API_UNAVAILABLE;
}

bool answer_datetime(const char *text, int64_t *ret_s)
{
	static const char form[] = "+dd:dd";
	size_t size = strlen(text);
	int64_t utc_s;

	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	const char *offset = size >= sizeof(form) - 1 ? text + size - (sizeof(form) - 1) : text;
	if (*offset != '+' && *offset != '-')
		return clock_parse(text, size, ret_s);
	for (int i = 1; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)offset[i]) : offset[i] != form[i])
			return clock_parse(text, size, ret_s); /* 24T03:00 of what has no offset */
	if (!clock_parse(text, (size_t)(offset - text), &utc_s))
		return false;
	int64_t minutes = number(offset + 1, 2) * 60 + number(offset + 4, 2);
	*ret_s = utc_s - (*offset == '+' ? minutes : -minutes) * 60;
	return true;
}

/* Where the text of a <title> begins in a page of HTML; `size`: there is none. */
static size_t title_of(const char *body, size_t size)
{
	static const char tag[] = "<title>";

	for (size_t i = 0; i + sizeof(tag) <= size; i++)
		if (strncasecmp(body + i, tag, sizeof(tag) - 1) == 0)
			return i + sizeof(tag) - 1;
	return size;
}

void answer_excerpt(const char *body, size_t size, char *text, size_t room)
{
	size_t n = 0, title = title_of(body, size);

	if (title < size) {
		const char *end = memchr(body + title, '<', size - title);

		body += title;
		size = end ? (size_t)(end - body) : size - title;
	}
	while (size && isspace((unsigned char)*body)) {
		body++;
		size--;
	}
	for (size_t i = 0; i < size && body[i] != '\n' && n + 1 < room && n < EXCERPT_MOST; i++)
		text[n++] = isprint((unsigned char)body[i]) ? body[i] : '?';
	text[n] = '\0';
}
