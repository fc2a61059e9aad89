/* parameters.c -- decoding of forms and of the values in them. */
#include "parameters.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "text_buffer.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode(char *s)
{
	char *out = s;
	for (; *s; s++) {
		if (*s == '+') {
			*out++ = ' ';
		} else if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
			*out++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = 0;
}

struct parameters parameters_read(
    const char *query, size_t query_length, const char *body, size_t body_length)
{
	struct text_buffer b = {0};
	text_buffer_put(&b, query, query_length);
	text_buffer_put_byte(&b, '&');
	text_buffer_put(&b, body, body_length);
	text_buffer_put_byte(&b, 0);
	struct parameters p = {.text = b.bytes};
	uint32_t most = 1;
	for (const char *c = p.text; *c; c++)
		most += *c == '&';
	p.list = sim_alloc(most * sizeof(*p.list));
	char *rest = NULL;
	for (char *item = strtok_r(p.text, "&", &rest); item; item = strtok_r(NULL, "&", &rest)) {
		char *equals = strchr(item, '=');
		char *value = equals ? equals + 1 : item + strlen(item);
		if (equals)
			*equals = 0;
		decode(item);
		decode(value);
		p.list[p.count++] = (struct parameter){item, value};
	}
	return p;
}

void parameters_free(struct parameters *p)
{
	free(p->list);
	free(p->text);
	*p = (struct parameters){0};
}

const char *parameters_find(const struct parameters *p, const char *name)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i].name, name) == 0)
			return p->list[i].value;
	return NULL;
}

bool parameter_read_number(const char *text, uint64_t *ret)
{
	uint64_t n = 0;
	size_t digits = 0;
	for (; text[digits] >= '0' && text[digits] <= '9'; digits++)
		n = n * 10 + (uint64_t)(text[digits] - '0');
	if (digits == 0 || digits > 18 || text[digits])
		return false;
	*ret = n;
	return true;
}

bool parameter_read_date(const char *text, int64_t *ret_s)
{
	struct tm m = {0};
	const char *end = strptime(text, "%Y-%m-%d", &m);
	if (end && *end == 'T')
		end = strptime(end, "T%H:%M:%SZ", &m);
	if (!end || *end)
		return false;
	*ret_s = (int64_t)timegm(&m);
	return true;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct id_range *)a)->low, y = ((const struct id_range *)b)->low;
	return x < y ? -1 : x > y;
}

static bool read_range(char *item, struct id_range *ret)
{
	char *dash = strchr(item, '-');
	struct id_range r;
	if (dash)
		*dash = 0;
	bool good = parameter_read_number(item, &r.low) &&
		    parameter_read_number(dash ? dash + 1 : item, &r.high) && r.low > 0 && r.low <= r.high;
	if (dash)
		*dash = '-';
	if (good)
		*ret = r;
	return good;
}

bool parameter_read_ids(const char *text, struct id_range **ret, uint32_t *ret_count, char ret_bad[64])
{
	char *copy = sim_alloc(strlen(text) + 1), *rest = NULL;
	memcpy(copy, text, strlen(text));
	uint32_t most = 1, count = 0, kept = 0;
	for (const char *c = text; *c; c++)
		most += *c == ',';
	struct id_range *list = sim_alloc(most * sizeof(*list));
	snprintf(ret_bad, 64, "%s", text);
	for (char *item = strtok_r(copy, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
		if (!read_range(item, &list[count])) {
			snprintf(ret_bad, 64, "%s", item);
			count = 0;
			break;
		}
		count++;
	}
	free(copy);
	if (count == 0) {
		free(list);
		return false;
	}
	qsort(list, count, sizeof(*list), compare);
	for (uint32_t i = 1; i < count; i++) {
		if (list[i].low > list[kept].high)
			list[++kept] = list[i];
		else if (list[i].high > list[kept].high)
			list[kept].high = list[i].high;
	}
	*ret = list;
	*ret_count = kept + 1;
	return true;
}
