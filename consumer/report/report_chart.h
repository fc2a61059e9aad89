/* report_chart.h -- charts as SVG, with a title and a description for who does not see them. The table beside each has its
 * numbers. Colours are classes of the page's style, so that they follow light, dark and print. */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H
#include "report_points.h"
#include "report_sums.h"

struct buffer;

/* Columns by age, of which each is a stack of severities. */
void report_chart_ages(const int64_t n[static REPORT_SEVERITIES][REPORT_AGES], struct buffer *to);
/* The open ones by severity over time. At least two points. */
void report_chart_trend(const struct report_points *p, struct buffer *to);
void report_chart_key(struct buffer *to); /* which colour is which severity */
#endif
