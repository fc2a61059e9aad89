/* xalloc.h -- memory or abort: running out of it is nothing that a role could mend. */
#ifndef XALLOC_H
#define XALLOC_H
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s); /* NULL stays NULL */
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...);
#endif
