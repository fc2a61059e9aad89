/* coordinator_world_inside.h -- what the files of coordinator_world share. */
#ifndef COORDINATOR_WORLD_INSIDE_H
#define COORDINATOR_WORLD_INSIDE_H
#include "coordinator_world.h"
#include "transport.h"

struct roles {
	struct world *w;
	struct transport *fetcher, *loader;
	pthread_t fetcher_thread, loader_thread;
};

void world_send_report(struct transport *t, const Qidflow__V1__Report *r); /* and waits until it is there */
size_t world_ranges(const struct ids *s, Qidflow__V1__IdRange ***ret);
void world_free_ranges(Qidflow__V1__IdRange **v, size_t n);

void *world_fetcher(void *arg);
void *world_loader(void *arg);
#endif
