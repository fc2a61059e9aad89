/* diff_table.c -- `qidflow diff` as a table: how the open detections of the one snapshot became those of the other, by
 * severity, and who has most of the changes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "diff_show.h"
#include "log.h"
#include "people.h"

enum { GROUPS_SHOWN = 30, LABEL = 28, WIDE = 11, NAME_WIDE = 32 };

/* The highest first; 0 is none. */
static const int severities[DIFF_SEVERITIES] = {5, 4, 3, 2, 1, 0};

static void print_number(int64_t n, char sign)
{
	char digits[PEOPLE_TEXT], text[PEOPLE_TEXT + 1];

	people_number(n < 0 ? -n : n, digits);
	if (n && sign)
		snprintf(text, sizeof(text), "%c%s", sign, digits);
	else
		snprintf(text, sizeof(text), "%s%s", n < 0 ? "-" : "", digits);
	printf("%*s", WIDE, text);
}

static void print_line(const char *label, char sign, const int64_t n[static DIFF_SEVERITIES])
{
	printf("%-*s", LABEL, label);
	print_number(diff_total(n), sign);
	for (int i = 0; i < DIFF_SEVERITIES; i++)
		print_number(n[severities[i]], sign);
	putchar('\n');
}

/* Net by severity: each column with a sign of its own, and nothing in all. */
static void print_moved(const struct diff_sums *s)
{
	printf("%-*s%*s", LABEL, "  severity changed, net", WIDE, "");
	for (int i = 0; i < DIFF_SEVERITIES; i++) {
		int64_t n = s->net[severities[i]];

		print_number(n < 0 ? -n : n, n < 0 ? '-' : '+');
	}
	putchar('\n');
}

static void print_balance(const struct diff_sums *s)
{
	static const struct {
		enum diff_kind kind;
		char sign;
		const char *label;
	} lines[] = {
	    {DIFF_NEW, '+', "+ new"},
	    {DIFF_REOPENED, '+', "+ reopened"},
	    {DIFF_CAME_WITH_HOST, '+', "+ came with a host"},
	    {DIFF_FIXED, '-', "- fixed"},
	    {DIFF_GONE, '-', "- gone"},
	    {DIFF_WENT_WITH_HOST, '-', "- went with a host"},
	};

	printf("\n%-*s%*s%*s%*s%*s%*s%*s%*s\n", LABEL, "Open, by severity", WIDE, "all", WIDE, "5", WIDE, "4",
	    WIDE, "3", WIDE, "2", WIDE, "1", WIDE, "none");
	print_line("before", 0, s->before);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		print_line(lines[i].label, lines[i].sign, s->n[lines[i].kind]);
	print_moved(s);
	print_line("after", 0, s->after);
}

static void print_beside(const struct diff_sums *s)
{
	char a[PEOPLE_TEXT], b[PEOPLE_TEXT], c[PEOPLE_TEXT], d[PEOPLE_TEXT];

	printf("\nHosts     %s before, %s came, %s gone, %s after\n", people_number(s->hosts_before, a),
	    people_number(diff_total(s->n[DIFF_HOST_CAME]), b),
	    people_number(diff_total(s->n[DIFF_HOST_GONE]), c), people_number(s->hosts_after, d));
	printf("Severity  changed on %s\n", people_number(diff_total(s->n[DIFF_SEVERITY]), a));
	printf("QDS       changed on %s: %s higher, %s lower\n", people_number(diff_total(s->n[DIFF_QDS]), a),
	    people_number(s->qds_higher, b), people_number(s->qds_lower, c));
}

/* In so many columns: a control character is a blank, what is too long is cut. (One character is one column.) */
static void print_name(const char *name)
{
	int wide = 0;

	for (const char *p = name ? name : "-"; *p; p++) {
		bool begins = ((unsigned char)*p & 0xc0) != 0x80;

		if (begins && wide == NAME_WIDE - 2)
			break;
		wide += begins;
		putchar((unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p);
	}
	printf("%*s", NAME_WIDE - wide, "");
}

static void print_groups(const char *by, struct diff_groups *groups)
{
	static const struct {
		enum diff_kind kind;
		int wide;
		const char *label;
	} columns[] = {{DIFF_NEW, 9, "new"}, {DIFF_REOPENED, 9, "reopened"}, {DIFF_CAME_WITH_HOST, 9, "came"},
	    {DIFF_FIXED, 9, "fixed"}, {DIFF_GONE, 9, "gone"}, {DIFF_WENT_WITH_HOST, 9, "went"},
	    {DIFF_SEVERITY, 9, "severity"}, {DIFF_QDS, 9, "qds"}, {DIFF_HOST_CAME, 12, "hosts come"},
	    {DIFF_HOST_GONE, 12, "hosts gone"}};
	enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
	const struct diff_group *g;
	size_t n = diff_groups_sorted(groups, &g);
	char text[PEOPLE_TEXT];

	if (!n)
		return;
	printf("\n%-*s", NAME_WIDE, by);
	for (int i = 0; i < COLUMNS; i++)
		printf("%*s", columns[i].wide, columns[i].label);
	putchar('\n');
	for (size_t k = 0; k < n && k < GROUPS_SHOWN; k++) {
		print_name(g[k].name);
		for (int i = 0; i < COLUMNS; i++)
			printf("%*s", columns[i].wide, people_number(g[k].n[columns[i].kind], text));
		putchar('\n');
	}
	if (n > GROUPS_SHOWN)
		printf("… and %zu more: --format csv has them all\n", n - GROUPS_SHOWN);
}

static void print_side(const char *label, const struct diff_side_name *s)
{
	printf("%-9s %s", label, s->name);
	if (s->run.run)
		printf("   run %" PRId64 ", as of %s", s->run.run, s->run.as_of);
	putchar('\n');
}

bool diff_table_print(const struct diff_side_name sides[static 2], const struct diff_sums *sums,
    const char *by, struct diff_groups *groups)
{
	print_side("Before", &sides[0]);
	print_side("After", &sides[1]);
	print_balance(sums);
	print_beside(sums);
	if (by)
		print_groups(by, groups);
	return fflush(stdout) == 0 || fail("cannot write the table: %s", strerror(errno));
}
