/* store_mark.h -- hosts and QIDs to be asked for again, since what was ignored may be what the topic ends with. */
#ifndef STORE_MARK_H
#define STORE_MARK_H
#include "store.h"

/* The topic may end with something else than what is held here, which is all that a compacted topic keeps. So the host is
 * marked to be asked for again, until its present set is said again or a newer one comes. STORE_IGNORED. */
enum stored store_mark(struct store *s, uint64_t host, struct set_name ignored, const char *reason);
/* The same for a row of Host List (topic "hosts") or of the KnowledgeBase ("vulnerabilities", id: QID). */
enum stored store_mark_row(
    struct store *s, const char *topic, uint64_t id, struct set_name ignored, const char *reason);
bool store_is_marked(struct store *s, uint64_t host, bool *ret_is); /* itself or its row of Host List */
/* Whether a row of the KnowledgeBase is held here which is not what the topic ends with. */
bool store_knowledge_is_marked(struct store *s, bool *ret_is);
void store_log_marks(
    struct store *s); /* how many there were since the last call, beyond those that were logged */
#endif
