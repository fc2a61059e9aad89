/* local_hub.h -- the broker of the in-process transport: topics, who reads them, who waits for room.
 *
 * One lock for all of it. Its holders wait for nothing but a condition of their own. */
#ifndef LOCAL_HUB_H
#define LOCAL_HUB_H
#include "local.h"
#include "local_group.h"
#include "local_log.h"
#include "stream_id.h"
#include <pthread.h>

struct local { /* a member; local.c */
	struct transport base;
	struct local_hub *hub;
	char *name;
	pthread_cond_t come;
	bool sleeps, woken, stopped;
	struct local_message *in_hand; /* the last event's */
	struct local_cursor *cursors, *ready_first, **ready_end;
	struct local_seat seats[TOPIC_COUNT];
	int32_t *list; /* the last EVENT_ASSIGNED's */
};

struct local_wait { /* a sender that waits for room */
	struct local_wait *next;
	struct local *who;
	size_t bytes;
	void *place;
	pthread_cond_t settled;
	bool done;
};

struct local_hub {
	pthread_mutex_t lock;
	char stream[STREAM_ID];
	int32_t partitions[TOPIC_COUNT];
	struct local_log *logs[TOPIC_COUNT];
	struct local_group groups[TOPIC_COUNT];
	struct local **members;
	size_t n_members;
	size_t bytes;                          /* of the data topics */
	struct local_ring *ring;               /* their messages */
	struct local_wait *waits, **waits_end; /* first come, first served */
	struct local_message *trash;           /* to be freed without the lock */
};

void local_hub_lock(struct local_hub *h);
void local_hub_unlock(struct local_hub *h); /* lets senders in where there is room; frees the trash */

/* With the lock. A place for a message of a data topic, which may be waited for; NULL: stopped. */
void *local_hub_reserve(struct local *l, size_t bytes);
void local_hub_put(struct local_hub *h, struct local_message *m, struct delivery *d);
void local_hub_refuse(struct local *l); /* ends what waits in it */
void local_hub_release(struct local_hub *h, struct local_message *m);
void local_hub_trim(struct local_hub *h, struct local_log *log); /* lets go of what every reader has passed */
#endif
