/* deadletter.c -- how a message that nobody could read is kept: its bytes, where it stood, and what was wrong with it. */
#include "deadletter.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "ceilings.h"
#include "xalloc.h"

enum { KEY_MOST = 1000 }; /* it must not be larger than what it is a copy of may be */

bool deadletter_send(struct transport *t, const struct message *from, const char *error, struct delivery *d)
{
	char partition[16], offset[24];
	struct message m = {.topic = TOPIC_DEADLETTERS,
	    .partition = BY_KEY,
	    .key = from->key,
	    .key_size = from->key_size < KEY_MOST ? from->key_size : KEY_MOST,
	    .headers = {{"topic", topic_name(from->topic)}, {"partition", partition}, {"offset", offset},
		{"error", error}}};

	snprintf(partition, sizeof(partition), "%d", (int)from->partition);
	snprintf(offset, sizeof(offset), "%" PRId64, from->offset);
	if (from->value) {
		m.size = from->size < CEILING_PART_BYTES ? from->size : CEILING_PART_BYTES;
		m.value = memcpy(xmalloc(m.size), from->value, m.size);
	}
	return transport_send(t, &m, d);
}
