/* look.c -- rendering the pool for a kind of request. */
#include "look.h"
#include <pthread.h>
#include "shown.h"

#define DEPTH 6 /* of what stands in a DETECTION */

static struct look *looks[SHOW_DETECTION_LOOKS][2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct look_piece render(struct look *l, const struct xml_writer *w, const struct fact *group)
{
	struct look_piece piece = {.at = l->xml.length};
	struct xml_writer writer = *w;
	writer.holes = &piece.holes;
	xml_put_children(&writer, group, DEPTH);
	for (unsigned i = 0; i < piece.holes.count; i++)
		piece.holes.list[i].at -= (uint32_t)piece.at;
	piece.length = (uint32_t)(l->xml.length - piece.at);
	return piece;
}

static struct look_piece render_results(
    struct look *l, const struct xml_writer *w, const struct fact *results)
{
	struct look_piece piece = {.at = l->xml.length};
	if (results)
		xml_put_fact(w, results, DEPTH);
	piece.length = (uint32_t)(l->xml.length - piece.at);
	return piece;
}

static struct look *look_make(const struct pool *p, unsigned shown, bool latin1)
{
	struct look *l = sim_alloc(sizeof(*l));
	struct xml_writer w = {.out = &l->xml, .shown = shown, .latin1 = latin1};
	for (uint32_t i = 0; i < WORLD_FINDINGS; i++)
		l->findings[i] = render(l, &w, p->findings[i].facts);
	for (int s = 0; s < SLOT_STATUSES; s++)
		for (uint32_t i = 0; i < WORLD_TAILS; i++)
			l->tails[s][i] = render(l, &w, p->tails[s][i].facts);
	for (uint32_t i = 0; i < WORLD_RESULTS; i++)
		l->results[i] = render_results(l, &w, p->results[i]);
	l->big_results = render_results(l, &w, p->big_results);
	return l;
}

const struct look *look_get(const struct pool *p, unsigned shown, bool latin1)
{
	pthread_mutex_lock(&lock);
	struct look **l = &looks[shown & SHOW_DETECTION][latin1];
	if (!*l)
		*l = look_make(p, shown & SHOW_DETECTION, latin1);
	struct look *ready = *l;
	pthread_mutex_unlock(&lock);
	return ready;
}
