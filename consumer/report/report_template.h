/* report_template.h -- report.html as the program holds it: made by embed.cmake.
 *
 *   {{name}}            what report.c knows by that name
 *   {{?name}} … {{/}}   only where there is such a thing; {{?!name}}: only where there is none; not one within another
 *   {{!name}}           style, script and their sums: put in when qidflow is built */
#ifndef REPORT_TEMPLATE_H
#define REPORT_TEMPLATE_H
#include <stddef.h>

extern const char report_template[];
extern const size_t report_template_size;
#endif
