/* local_log.h -- a partition of the hub: messages by offset, and the cursors that read them.
 *
 * All of it is guarded by the hub's lock. A message is held by its log and by the reader that was given it;
 * the last of them to let go frees it. */
#ifndef LOCAL_LOG_H
#define LOCAL_LOG_H
#include "transport.h"

struct local;

struct local_message {
	struct local_message *next_trash;
	int holders;
	size_t bytes; /* that it takes in its hub's ring, where it lies; 0: of a control topic, by itself */
	struct message m;
	char text[]; /* key and headers; in a ring its value, too */
};

struct local_log {
	enum topic topic;
	int32_t partition;
	struct local_message **ring;
	size_t room;       /* a power of two */
	int64_t low, high; /* the first that is kept, the one that comes next */
	struct local_cursor *cursors;
};

struct local_cursor {
	struct local_cursor *next_in_log, *next_in_reader, *next_ready;
	struct local_log *log;
	struct local *reader;
	int64_t next;
	bool grouped; /* of a group: starts at its commit */
	bool paused, gone, end_told;
	bool ready; /* stands in the reader's list of those that have something to tell */
};

size_t local_message_size(const struct message *m); /* all of it, with its value */
/* Takes m->value and copies the rest; into a place of that size it copies the value too, and frees it. */
struct local_message *local_message_make(struct message *m, int32_t partition);
struct local_message *local_message_make_in(void *place, struct message *m, int32_t partition);
void local_message_free(struct local_message *m);

void local_log_add(struct local_log *log, struct local_message *m);
struct local_message *local_log_at(const struct local_log *log, int64_t offset); /* low .. high - 1 */
struct local_message *local_log_shift(struct local_log *log);                    /* takes the first away */

/* local_cursor.c */
struct local_cursor *local_cursor_open(struct local *l, struct local_log *log, int64_t next, bool grouped);
struct local_cursor *local_cursor_find(struct local *l, const struct local_log *log);
void local_cursor_close(struct local_cursor *c); /* NULL is fine */
void local_cursor_ready(struct local_cursor *c); /* it may have something to tell: wakes its reader */
bool local_cursor_event(struct local_cursor *c, struct event *ret);
#endif
