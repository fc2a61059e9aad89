/* store_mark.c -- what has to be asked for again, since the topic may end with something else than what is held here.
 *
 * Compaction keeps the last message of a key, not the newest set. Whoever reads the topic later, a rebuild too, must find
 * what we hold: so what was ignored is marked until the same or something newer is the last message again. Often that is
 * so a moment later, as when a topic is read once more from its beginning. */
#include <inttypes.h>
#include "db.h"
#include "log.h"
#include "store_inside.h"

enum { LINES_MOST = 20 }; /* of log, between two commits */

static void tell(struct store *s, const char *what, uint64_t id, struct set_name ignored, const char *reason)
{
	log_line(s->marks++ < LINES_MOST ? LOG_WARN : LOG_DEBUG,
	    "%s %" PRIu64 ": %s, so it has to be asked for again run=%" PRIu64 " number=%" PRIu64, what, id,
	    reason, ignored.run, ignored.number);
}

void store_log_marks(struct store *s)
{
	if (s->marks > LINES_MOST)
		log_line(LOG_WARN, "%u more hosts or QIDs have to be asked for again", s->marks - LINES_MOST);
	s->marks = 0;
}

enum stored store_mark(struct store *s, uint64_t host, struct set_name ignored, const char *reason)
{
	tell(s, "host", host, ignored, reason);
	sqlite3_bind_text(s->put_mark, 4, reason, -1, SQLITE_STATIC);
	return store_run_set(s, s->put_mark, host, ignored) ? STORE_IGNORED : STORE_FAILED;
}

enum stored store_mark_row(
    struct store *s, const char *topic, uint64_t id, struct set_name ignored, const char *reason)
{
	tell(s, *topic == 'h' ? "host" : "QID", id, ignored, reason);
	sqlite3_bind_text(s->put_row_mark, 4, topic, -1, SQLITE_STATIC);
	sqlite3_bind_text(s->put_row_mark, 5, reason, -1, SQLITE_STATIC);
	s->row_marks++;
	return store_run_set(s, s->put_row_mark, id, ignored) ? STORE_IGNORED : STORE_FAILED;
}

bool store_drop_row_mark(struct store *s, const char *topic, uint64_t id, struct set_name set)
{
	if (!s->row_marks)
		return true;
	sqlite3_bind_text(s->drop_row_mark, 4, topic, -1, SQLITE_STATIC);
	return store_run_set(s, s->drop_row_mark, id, set);
}

bool store_knowledge_is_marked(struct store *s, bool *ret_is)
{
	int64_t is = 0;

	if (s->row_marks && !db_int(s->db, &is,
				"SELECT EXISTS (SELECT 1 FROM qidflow_ignored_row AS m JOIN Q_KnowledgeBase "
				"AS k ON k.QID = m.id"
				" WHERE m.topic = 'vulnerabilities')"))
		return false;
	*ret_is = is != 0;
	return true;
}

bool store_is_marked(struct store *s, uint64_t host, bool *ret_is)
{
	sqlite3_bind_int64(s->is_marked, 1, (int64_t)host);
	if (db_row(s->db, s->is_marked) != 1)
		return false;
	*ret_is = sqlite3_column_int(s->is_marked, 0) != 0;
	sqlite3_reset(s->is_marked);
	return true;
}
