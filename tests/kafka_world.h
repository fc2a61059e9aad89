/* kafka_world.h -- a prefix of its own on the tests' broker, and what its administrator would do there.
 *
 * The broker is that of tests/broker/with.sh. Each call ends the test when the broker refuses it.
 */
#ifndef KAFKA_WORLD_H
#define KAFKA_WORLD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct kafka_world {
	struct config *config;
	char prefix[32];
	char said[32768]; /* the log since the last kafka_world_forget() */
	struct rd_kafka_AclBinding_s *allowed[64];
	size_t n_allowed;
};

int kafka_world_open(void **state); /* as cmocka's set up and tear down; topics with the prefix go */
int kafka_world_close(void **state);
void kafka_world_forget(struct kafka_world *w);
bool kafka_world_said(const struct kafka_world *w, const char *text);

/* Over the listener where users need rights. */
void kafka_world_user(struct kafka_world *w, const char *user, const char *password);

/* `topic`: without the prefix. config: name, value, name, value …, NULL */
void kafka_world_create(struct kafka_world *w, const char *topic, int partitions, const char *const config[]);
void kafka_world_delete(struct kafka_world *w, const char *topic);
void kafka_world_alter(struct kafka_world *w, const char *topic, const char *name, const char *value);
void kafka_world_grow(struct kafka_world *w, const char *topic, int partitions);
void kafka_world_produce(
    struct kafka_world *w, const char *topic, int32_t partition, const char *key, const char *value);
int64_t kafka_world_end(struct kafka_world *w, const char *topic, int32_t partition);
int kafka_world_partitions(struct kafka_world *w, const char *topic); /* 0: there is no such topic */
bool kafka_world_exists(struct kafka_world *w, const char *topic);

/* User:`user`; `right`: Read, Write, Create, Describe …; `name` without prefix. prefixed: all that begin so. */
enum kafka_world_kind { WORLD_TOPIC, WORLD_GROUP };
void kafka_world_allow(struct kafka_world *w, const char *user, const char *right, enum kafka_world_kind kind,
    const char *name, bool prefixed);
void kafka_world_forbid(struct kafka_world *w); /* takes all these rights away */
#endif
