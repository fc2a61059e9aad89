/* api_world.c -- the API's client against bytes. */
#include "log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api_world.h"
#include "stop.h"
#include <cmocka.h>

static void hear(void *arg, const char *line, unsigned size)
{
	struct api_world *w = arg;

	if (w->log_size + size < sizeof(w->log)) {
		memcpy(w->log + w->log_size, line, size);
		w->log_size += size;
		w->log[w->log_size] = '\0';
	}
}

int api_world_set_up(void **state)
{
	struct api_world *w = calloc(1, sizeof(*w));
	char url[64];

	assert_non_null(w);
	log_set_writer(hear, w);
	log_open(LOG_DEBUG, false);
	w->server = http_script_open();
	w->config = config_open();
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_script_port(w->server));
	api_world_set(w, "qualys.url", url);
	api_world_set(w, "qualys.username", "acme_ab");
	api_world_set(w, "qualys.password", API_WORLD_PASSWORD);
	*state = w;
	return 0;
}

int api_world_tear_down(void **state)
{
	struct api_world *w = *state;

	api_close(w->api);
	http_script_close(w->server);
	config_close(w->config);
	ids_close(&w->ids);
	log_set_writer(NULL, NULL);
	bool told = strstr(w->log, "geheim") || strstr(w->answer.text, "geheim");
	free(w);
	return told; /* no test's log may hold the password */
}

void api_world_set(struct api_world *w, const char *name, const char *value)
{
	assert_true(config_set(w->config, name, value, "test"));
}

void api_world_open(struct api_world *w)
{
	w->api = api_open(w->config);
	assert_non_null(w->api);
}

void api_world_play(struct api_world *w, const struct http_answer *a)
{
	http_script_add(w->server, a);
}

void api_world_say_size(struct api_world *w, int status, const char *headers, const void *body, size_t size)
{
	enum { ROOM = 1024 };
	struct http_answer a = {.then = HTTP_THEN_KEEP};

	char *bytes = malloc(ROOM + size);
	assert_non_null(bytes);
	int n =
	    snprintf(bytes, ROOM, "HTTP/1.1 %d Some\r\n%sContent-Length: %zu\r\n\r\n", status, headers, size);
	assert_in_range(n, 1, ROOM - 1);
	memcpy(bytes + n, body, size);
	a.bytes = bytes;
	a.size = (size_t)n + size;
	api_world_play(w, &a);
	free(bytes);
}

void api_world_say(struct api_world *w, int status, const char *headers, const char *body)
{
	api_world_say_size(w, status, headers, body, strlen(body));
}

static bool took(struct api_world *w, uint64_t id)
{
	w->calls++;
	w->last_id = id;
	ids_add(&w->ids, id, id);
	if (w->block_ms)
		stop_sleep_ms(w->block_ms);
	return !w->stop_at || id != w->stop_at;
}

static bool on_host(void *arg, Qidflow__V1__Host *h)
{
	assert_true(h->has_id);
	assert_non_null(h->set);
	return took(arg, h->id);
}

static bool on_vulnerability(void *arg, Qidflow__V1__Vulnerability *v)
{
	assert_true(v->has_qid);
	assert_non_null(v->set);
	return took(arg, v->qid);
}

static bool on_piece(void *arg, Qidflow__V1__HostDetections *piece, unsigned part, bool last)
{
	struct api_world *w = arg;

	assert_true(piece->has_id);
	assert_non_null(piece->set);
	assert_int_equal(piece->has_part, part > 0);
	assert_true(protobuf_c_message_get_packed_size(&piece->base) < 950 * 1000);
	w->detections += piece->n_detection_list;
	if (piece->continued && piece->n_detection_list)
		w->detections--;
	for (size_t i = 0; i < piece->n_detection_list; i++)
		if (piece->detection_list[i]->results)
			w->text_bytes += strlen(piece->detection_list[i]->results);
	if (part > w->parts)
		w->parts = part;
	return last ? took(w, piece->id) : true;
}

static void begin(struct api_world *w)
{
	ids_clear(&w->ids);
	w->calls = w->detections = w->last_id = 0;
	w->parts = 0;
	w->text_bytes = 0;
}

enum api_result api_world_hosts(struct api_world *w, uint64_t id_min)
{
	begin(w);
	api_list_hosts(w->api, 0, id_min, on_host, w, &w->answer);
	return w->answer.result;
}

enum api_result api_world_detections(struct api_world *w, const char *ids)
{
	struct ids asked = {0};

	begin(w);
	assert_true(ids_read(&asked, ids, strlen(ids)));
	api_list_detections(w->api, &asked, on_piece, w, &w->answer);
	ids_close(&asked);
	return w->answer.result;
}

enum api_result api_world_vulnerabilities(struct api_world *w)
{
	begin(w);
	api_list_vulnerabilities(w->api, 0, 1, 1000, NULL, on_vulnerability, w, &w->answer);
	return w->answer.result;
}
