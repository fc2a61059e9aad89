/* api_world.h -- common/qualys on one side, a server that plays bytes on the other, and all that was logged. */
#ifndef API_WORLD_H
#define API_WORLD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "api.h"
#include "config.h"
#include "http_script.h"

#define API_WORLD_PASSWORD "geheim:%3A"

struct api_world {
	struct config *config;
	struct http_script *server;
	struct api *api;
	struct api_answer answer; /* of the last call */
	/* what the callbacks got in it */
	struct ids ids;
	uint64_t calls, detections, last_id; /* of the callbacks */
	unsigned parts;                      /* of the host with the most */
	size_t text_bytes;                   /* of RESULTS */
	uint64_t stop_at;                    /* a callback says false at this id; 0: none */
	int block_ms;                        /* a callback takes so long */
	char log[64 * 1024];
	size_t log_size;
};

int api_world_set_up(void **state); /* of a test: *state is a struct api_world, not yet opened */
int api_world_tear_down(void **state);
void api_world_set(struct api_world *w, const char *name, const char *value);
void api_world_open(struct api_world *w);

/* The server's next answer: a status, header lines (each with its CR LF), a body with its length. */
void api_world_say(struct api_world *w, int status, const char *headers, const char *body);
void api_world_say_size(struct api_world *w, int status, const char *headers, const void *body, size_t size);
void api_world_play(struct api_world *w, const struct http_answer *a);

enum api_result api_world_hosts(struct api_world *w, uint64_t id_min);
enum api_result api_world_detections(struct api_world *w, const char *ids);
enum api_result api_world_vulnerabilities(struct api_world *w);
#endif
