/* clock.c -- what time it is, and dates as text.
 *
 * Dates go through here a million times a run, so they are read and written digit by digit instead of by
 * strptime() and strftime(). Days are counted from 0000-03-01: leap days then stand at the end of a year. */
#include "clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { DAY_S = 86400, DAYS_400_YEARS = 146097, DAYS_TO_1970 = 719468, DATE_SIZE = 19 };

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_s(void)
{
	return (int64_t)time(NULL);
}

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * DAYS_400_YEARS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970;
}

struct civil {
	int64_t year, month, day;
};

static struct civil civil_from_days(int64_t days)
{
	days += DAYS_TO_1970;
	int64_t era = (days >= 0 ? days : days - (DAYS_400_YEARS - 1)) / DAYS_400_YEARS;
	int64_t of_era = days - era * DAYS_400_YEARS;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_400_YEARS - 1)) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t m = (5 * of_year + 2) / 153;
	struct civil c = {year + era * 400, m < 10 ? m + 3 : m - 9, of_year - (153 * m + 2) / 5 + 1};

	c.year += c.month <= 2;
	return c;
}

static bool digits(const char *p, int n, int64_t *ret)
{
	int64_t v = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (p[i] - '0');
	}
	*ret = v;
	return true;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool clock_parse(const char *text, size_t len, int64_t *ret_s)
{
	int64_t year, month, day, hour, minute, second;

	while (len && is_space(*text))
		text++, len--;
	while (len && is_space(text[len - 1]))
		len--;
	if (len == DATE_SIZE + 1 && text[DATE_SIZE] == 'Z')
		len--;
	if (len != DATE_SIZE || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') ||
	    text[13] != ':' || text[16] != ':')
		return false;
	if (!digits(text, 4, &year) || !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day) ||
	    !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) || !digits(text + 17, 2, &second))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || hour > 23 ||
	    minute > 59 || second > 59)
		return false;
	*ret_s = days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
	return true;
}

static char *put(char *p, int64_t v, int n)
{
	for (int i = n; i--; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

static char *put_separator(char *p, char c)
{
	if (c)
		*p++ = c;
	return p;
}

/* A separator of '\0' is left out. Years have four digits: what is outside is written as the nearest. */
static const char *format_date(int64_t s, char *text, char date, char between, char time, char last)
{
	int64_t least = days_from_civil(0, 1, 1) * DAY_S, most = days_from_civil(10000, 1, 1) * DAY_S - 1;

	s = s < least ? least : s > most ? most : s;
	int64_t days = s >= 0 ? s / DAY_S : -((-s + DAY_S - 1) / DAY_S);
	int64_t of_day = s - days * DAY_S;
	struct civil c = civil_from_days(days);
	char *p = put(text, c.year, 4);

	p = put(put_separator(p, date), c.month, 2);
	p = put(put_separator(p, date), c.day, 2);
	p = put(put_separator(p, between), of_day / 3600, 2);
	p = put(put_separator(p, time), of_day / 60 % 60, 2);
	p = put(put_separator(p, time), of_day % 60, 2);
	*put_separator(p, last) = '\0';
	return text;
}

const char *clock_format_api(int64_t s, char text[static CLOCK_TEXT])
{
	return format_date(s, text, '-', 'T', ':', 'Z');
}

const char *clock_format_sql(int64_t s, char text[static CLOCK_TEXT])
{
	return format_date(s, text, '-', ' ', ':', '\0');
}

const char *clock_format_file(int64_t s, char text[static CLOCK_TEXT])
{
	return format_date(s, text, '\0', 'T', '\0', 'Z');
}

const char *clock_format_span(int64_t ms, char text[static CLOCK_TEXT])
{
	int64_t s = ms < 0 ? 0 : ms / 1000;

	if (ms > 0 && ms < 1000)
		snprintf(text, CLOCK_TEXT, "%" PRId64 " ms", ms);
	else if (s < 60)
		snprintf(text, CLOCK_TEXT, "%" PRId64 " s", s);
	else if (s < 3600)
		snprintf(text, CLOCK_TEXT, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else if (s < DAY_S)
		snprintf(text, CLOCK_TEXT, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(text, CLOCK_TEXT, "%" PRId64 " d %" PRId64 " h", s / DAY_S, s / 3600 % 24);
	return text;
}
