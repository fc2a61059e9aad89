/* loader_world.c -- the loader as a thread, a script around it. */
#include "loader_world.h"
#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>
#include "arena.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "delivery.h"
#include "loader.h"
#include "loader_script.h"
#include "publish.h"
#include "record.h"

struct published published;

static struct {
	char folder[64], path[96], said[32768];
	pthread_mutex_t lock; /* of said */
	struct config *config;
	struct local_hub *hub;
	struct transport *loader, *script, *dead;
	struct delivery *sent;
	pthread_t thread;
	bool running;
	atomic_bool ended;
	enum loader_end end;
} world;

bool publish_run(const struct config *c, struct db *working, const Qidflow__V1__RunStatus *complete,
    publish_may_fn *may, void *arg, char ret_name[static 64], char ret_refused[static PUBLISH_WHY])
{
	sqlite3_stmt *s = db_prepare(working, "SELECT STATUS_NAME FROM Q_Host_List_Detection_Status");

	(void)c;
	snprintf(ret_refused, PUBLISH_WHY, "%s", published.sql ? published.sql : "");
	published.run = complete->run;
	db_int(working, &published.hosts, "SELECT count(*) FROM Q_Host_List_Detection_HOSTS");
	db_int(working, &published.dead_letters, "SELECT count(*) FROM qidflow_dead_letter");
	if (s && db_row(working, s) == 1)
		snprintf(published.status, sizeof(published.status), "%s",
		    (const char *)sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	atomic_fetch_add(&published.times, 1);
	if (!sqlite3_get_autocommit(db_handle(working)) || atomic_load(&published.fails))
		return false;
	if (published.meanwhile)
		published.meanwhile();
	if (!may(arg)) {
		published.refused++;
		return false;
	}
	snprintf(ret_name, 64, "snapshot-%" PRIu64, complete->run);
	if (published.sql)
		*ret_name = '\0';
	return true;
}

void publish_clean(const struct config *c)
{
	(void)c;
}

static void listen_to(void *arg, const char *line, unsigned size)
{
	(void)arg;
	pthread_mutex_lock(&world.lock);
	size_t n = strlen(world.said);
	if (n + size < sizeof(world.said)) {
		memcpy(world.said + n, line, size);
		world.said[n + size] = '\0';
	}
	pthread_mutex_unlock(&world.lock);
}

static void close_hub(void)
{
	transport_close(world.script);
	transport_close(world.dead);
	delivery_close(world.sent);
	local_hub_close(world.hub);
}

static void open_hub(void)
{
	world.hub = local_hub_open(8, PARTITIONS);
	world.script = local_open(world.hub, "script");
	world.dead = local_open(world.hub, "dead");
	world.sent = delivery_open();
	assert_true(transport_assign(world.script, TOPIC_REPORTS, 0, 0));
	assert_true(transport_assign(world.dead, TOPIC_DEADLETTERS, 0, 0));
}

void new_hub(void)
{
	close_hub();
	open_hub();
}

int loader_world_open(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	pthread_mutex_init(&world.lock, NULL);
	log_set_writer(listen_to, NULL);
	snprintf(world.folder, sizeof(world.folder), "/tmp/qidflow-test-loader-XXXXXX");
	if (!mkdtemp(world.folder))
		return -1;
	snprintf(world.path, sizeof(world.path), "%s/qidflow.sqlite", world.folder);
	world.config = config_open();
	set_option("data", world.folder);
	atomic_store(&published.times, 0);
	atomic_store(&published.fails, false);
	published.meanwhile = NULL;
	published.refused = 0;
	published.sql = NULL;
	sending_generation = 0;
	open_hub();
	told_forget();
	return 0;
}

int loader_world_close(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[128];

	(void)state;
	if (world.running)
		stop_loader();
	close_hub();
	config_close(world.config);
	told_forget();
	log_set_writer(NULL, NULL);
	pthread_mutex_destroy(&world.lock);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", world.path, ends[i]);
		unlink(name);
	}
	return rmdir(world.folder);
}

void set_option(const char *name, const char *value)
{
	assert_true(config_set(world.config, name, value, "test"));
}

/* ---- the loader */

static void *run(void *arg)
{
	(void)arg;
	world.end = loader_run(world.config, world.loader);
	atomic_store(&world.ended, true);
	return NULL;
}

static bool has_begun(void)
{
	return told.first_is_over || loader_world_has_ended();
}

static bool join_loader(void)
{
	pthread_join(world.thread, NULL);
	transport_close(world.loader);
	world.running = false;
	return world.end == LOADER_STOPPED;
}

int world_end(void)
{
	return (int)world.end;
}

void start_loader(void)
{
	listen_for(NULL, 0); /* what an earlier one said last */
	told_forget();
	world.loader = local_open(world.hub, "loader");
	atomic_store(&world.ended, false);
	world.running = pthread_create(&world.thread, NULL, run, NULL) == 0;
	assert_true(world.running);
	listen_for(has_begun, LONG_MS);
}

bool stop_loader(void)
{
	transport_stop(world.loader);
	return join_loader();
}

bool await_end(void)
{
	assert_true(listen_for(loader_world_has_ended, LONG_MS));
	return join_loader();
}

bool loader_world_has_ended(void)
{
	return atomic_load(&world.ended);
}

struct transport *loader_world_script(void)
{
	return world.script;
}

struct delivery *loader_world_sent(void)
{
	return world.sent;
}

struct transport *loader_world_another(const char *name)
{
	return local_open(world.hub, name);
}

const char *loader_world_stream(void)
{
	return transport_stream(world.script);
}

const struct config *loader_world_config(void)
{
	return world.config;
}

const char *loader_world_path(void)
{
	return world.path;
}

bool has_said(const char *text)
{
	pthread_mutex_lock(&world.lock);
	bool has = strstr(world.said, text) != NULL;
	pthread_mutex_unlock(&world.lock);
	return has;
}

void assert_said(const char *text)
{
	if (!has_said(text))
		fail_msg("nobody said '%s', but: %s", text, world.said);
}

struct event next_dead_letter(void)
{
	struct event e;

	do
		e = transport_poll(world.dead, LONG_MS);
	while (e.kind == EVENT_END);
	assert_int_equal(e.kind, EVENT_MESSAGE);
	return e;
}
