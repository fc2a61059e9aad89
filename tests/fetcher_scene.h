/* fetcher_scene.h -- a hub, one or two fetchers in threads of their own, and the other roles' side of the topics. */
#ifndef FETCHER_SCENE_H
#define FETCHER_SCENE_H
#include "fetcher_fake.h"
#include "clock.h"
#include "local.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "qidflow/v1/cluster.pb-c.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { SLOTS = 4, PARTITIONS = 3, LONG_MS = 20000, QUIET_MS = 150 };

struct member { /* a fetcher in a thread of its own */
	struct spy spy;
	const char *name;
	struct config *config;
	pthread_t thread;
	bool good, drains;
	atomic_bool ended;
};
struct scene {
	struct local_hub *hub;
	struct transport *t; /* the coordinator's and loader's side */
	struct member f[2];
	int n;
	const char *drain, *crash; /* settings of members; drain: they do */
	Qidflow__V1__Report *report;
};

struct scene *scene_open(void);
void scene_close(struct scene *s); /* stops the fetchers that still run */
struct member *member_start(struct scene *s, const char *name, const char *calls);
void member_end(struct member *f);
void send_batch(
    struct scene *s, int32_t slot, uint64_t number, uint64_t generation, uint64_t first, uint64_t last);
void send_two(struct scene *s, int32_t slot, uint64_t number, uint64_t host, uint64_t other);
void send_value(struct scene *s, int32_t slot, void *value, size_t size);
struct message next_message(struct scene *s);
const Qidflow__V1__Report *report(struct scene *s, Qidflow__V1__Report__Kind kind); /* the next one */
bool is_quiet(struct scene *s); /* nothing comes for a while */
bool is_committed(struct scene *s, int32_t slot, int64_t next, const char *metadata);

#define SLOTS_REPORT   QIDFLOW__V1__REPORT__KIND__SLOTS
#define ENDED_REPORT   QIDFLOW__V1__REPORT__KIND__ENDED
#define FETCHED_REPORT QIDFLOW__V1__REPORT__KIND__FETCHED
#define LOST_REPORT    QIDFLOW__V1__REPORT__KIND__LOST
#define EVENTUALLY(condition)                                                                                \
	do {                                                                                                 \
		int64_t until_ = clock_ms() + LONG_MS;                                                       \
		while (!(condition) && clock_ms() < until_)                                                  \
			usleep(2000);                                                                        \
		assert_true(condition);                                                                      \
	} while (0)
#endif
