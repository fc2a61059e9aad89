/* check_publish.h -- the line of `qidflow check` about publish.sql. */
#ifndef CHECK_PUBLISH_H
#define CHECK_PUBLISH_H
#include <stdbool.h>

struct config;
/* has_sources: all of [enrich.NAME] can be read. false: it would not be published. */
bool check_publish(const struct config *c, bool has_sources);
#endif
