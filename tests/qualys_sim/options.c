/* options.c -- the command line: one table. */
#include "options.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_type { O_FLAG, O_U16, O_U32, O_U64, O_I64, O_TEXT, O_FAULT, O_ACCOUNT, O_INDEX };

struct option_row {
	const char *name, *value;
	enum option_type type;
	size_t at;
	const char *help;
};

#define AT(field) offsetof(struct options, field)
static const struct option_row rows[] = {
    {"port", "N", O_U16, AT(port), "listen on port N; 0 = a free one (default 0)"},
    {"listen", "ADDRESS", O_TEXT, AT(listen), "of this IPv4 address (default 127.0.0.1)"},
    {"port-file", "F", O_TEXT, AT(port_file), "write the port to F, atomically, once it listens"},
    {"hosts", "N", O_U32, AT(hosts), "hosts of the subscription (default 100)"},
    {"detections", "N", O_U32, AT(detections), "mean per host (default 80)"},
    {"qids", "N", O_U32, AT(qids), "size of the KnowledgeBase (default 2000)"},
    {"seed", "S", O_U64, AT(seed), "everything follows from it (default 1)"},
    {"user", "U", O_TEXT, AT(user), "(default sim)"},
    {"password", "P", O_TEXT, AT(password), "(default sim)"},
    {"limit", "N", O_U32, AT(limit), "calls at once, per API (default 0 = no limit, no headers)"},
    {"rate", "N", O_U32, AT(rate), "calls in a window, per API (default 0 = no limit, no headers)"},
    {"window", "SECONDS", O_U32, AT(window_s), "the window slides (default 3600)"},
    {"latency-ms", "N", O_U32, AT(latency_ms), "before the first byte"},
    {"bandwidth", "BYTES", O_U64, AT(bandwidth), "a second and call (default 0 = no limit)"},
    {"clock-offset", "SECONDS", O_I64, AT(clock_offset_s), "the API's clock against the machine's"},
    {"recent", NULL, O_FLAG, AT(recent),
	"found over the last two years and scanned in these days, not in 2024 and before"},
    {"gzip", NULL, O_FLAG, AT(gzip), "honour Accept-Encoding: gzip"},
    {"fault", "NAME=RATE", O_FAULT, 0, "0..1, repeatable; NAME `all` sets every one"},
    {"big-host", "DETECTIONS", O_U32, AT(big_host), "one host (index hosts/2) has so many"},
    {"big-results", "BYTES", O_U32, AT(big_results), "one RESULTS (host index hosts/3) has so many"},
    {"no-unique-id", NULL, O_FLAG, AT(no_unique_id), "old answers without UNIQUE_VULN_ID"},
    {"no-traps", NULL, O_FLAG, AT(no_traps), "plain XML and plain texts, for tests of speed"},
    {"poison", "INDEX", O_INDEX, AT(poison), "every detection answer breaks within this host"},
    {"account", "ok|expired", O_ACCOUNT, AT(account_expired), "expired: HTTP 200 with code 2001"},
    {"expect", "FILE", O_TEXT, AT(expect), "write what a correct database holds, before listening"},
    {"die-with-parent", NULL, O_FLAG, AT(die_with_parent), "end when the parent process does"},
    {"seconds", "N", O_U32, AT(seconds), "end by itself after N s (default 3600)"},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static void print_help(void)
{
	puts("qualys_sim -- the Qualys VM API for tests: Host List, Host List Detection, KnowledgeBase\n");
	for (size_t i = 0; i < ROWS; i++)
		printf("  --%s %-*s %s\n", rows[i].name, (int)(24 - strlen(rows[i].name)),
		    rows[i].value ? rows[i].value : "", rows[i].help);
	printf("\nfaults:");
	for (int i = 1; i < FAULTS; i++)
		printf(" %s", fault_names[i]);
	puts("\ncontrol: GET /stats, "
	     "/control/{rescan,remove,add,empty_list,half_list,empty_detections,outage,fault,\n"
	     "  kb_touch,limit,expect,reset_stats,account,poison} on the same port; see FACTS.md");
}

static bool read_fault(const char *text, struct options *o)
{
	const char *equals = strchr(text, '=');
	if (!equals)
		return false;
	char *end;
	double rate = strtod(equals + 1, &end);
	if (*end || !(rate >= 0 && rate <= 1))
		return false;
	size_t length = (size_t)(equals - text);
	if (length == 3 && memcmp(text, "all", 3) == 0) {
		for (int i = 1; i < FAULTS; i++)
			o->fault_rates[i] = rate;
		return true;
	}
	enum fault fault = fault_by_name(text, length);
	o->fault_rates[fault] = rate;
	return fault != FAULT_NONE;
}

static bool read_number(const char *text, long long low, unsigned long long high, void *ret, size_t size)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno || *end || end == text || n < low || (n > 0 && (unsigned long long)n > high))
		return false;
	if (size == 2)
		*(uint16_t *)ret = (uint16_t)n;
	else if (size == 4)
		*(uint32_t *)ret = (uint32_t)n;
	else
		*(int64_t *)ret = n;
	return true;
}

static bool read_value(const struct option_row *row, const char *text, struct options *o)
{
	void *at = (char *)o + row->at;
	switch (row->type) {
	case O_FLAG: *(bool *)at = true; return true;
	case O_U16: return read_number(text, 0, UINT16_MAX, at, 2);
	case O_U32:
	case O_INDEX: return read_number(text, 0, UINT32_MAX, at, 4);
	case O_U64: return read_number(text, 0, INT64_MAX, at, 8);
	case O_I64: return read_number(text, INT32_MIN, INT32_MAX, at, 8);
	case O_TEXT: *(const char **)at = text; return true;
	case O_FAULT: return read_fault(text, o);
	case O_ACCOUNT:
		o->account_expired = strcmp(text, "expired") == 0;
		return o->account_expired || strcmp(text, "ok") == 0;
	}
	return false;
}

static const struct option_row *find_row(const char *argument)
{
	size_t length = strcspn(argument, "=");
	for (size_t i = 0; i < ROWS; i++)
		if (strlen(rows[i].name) == length && memcmp(rows[i].name, argument, length) == 0)
			return &rows[i];
	return NULL;
}

static bool fits(const struct options *o)
{
	if (o->hosts <= 10000000 && o->detections <= 50000 && o->qids <= 1000000 && o->qids >= 1 &&
	    o->big_host <= 200000 && o->big_results <= 1000000000 && o->window_s > 0)
		return true;
	fputs("qualys_sim: hosts <= 10000000, detections <= 50000, 1 <= qids <= 1000000, big-host <= 200000, "
	      "big-results <= 1000000000, window >= 1\n",
	    stderr);
	return false;
}

bool options_read(int argc, char **argv, struct options *ret, int *ret_status)
{
	struct options o = {.listen = "127.0.0.1",
	    .hosts = 100,
	    .detections = 80,
	    .qids = 2000,
	    .seed = 1,
	    .user = "sim",
	    .password = "sim",
	    .window_s = 3600,
	    .seconds = 3600,
	    .poison = UINT32_MAX};
	*ret_status = 2;
	for (int i = 1; i < argc; i++) {
		const char *argument = argv[i];
		if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
			print_help();
			*ret_status = 0;
			return false;
		}
		const struct option_row *row =
		    strncmp(argument, "--", 2) == 0 ? find_row(argument + 2) : NULL;
		const char *value = row ? strchr(argument, '=') : NULL;
		if (value && row->type != O_FLAG)
			value++;
		else if (row && row->type != O_FLAG && i + 1 < argc)
			value = argv[++i];
		if (!row || (row->type == O_FLAG) == (value != NULL) || !read_value(row, value, &o)) {
			fprintf(stderr, "qualys_sim: cannot read %s (see --help)\n", argument);
			return false;
		}
	}
	if (!fits(&o))
		return false;
	*ret = o;
	return true;
}
