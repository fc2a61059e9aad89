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

enum { LONG_MS = 20000, SHORT_MS = 400 };

struct told told;
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
	bool result;
} world;

bool publish_run(const struct config *c, struct db *working, const Qidflow__V1__RunStatus *complete,
    char ret_name[static 64])
{
	sqlite3_stmt *s = db_prepare(working, "SELECT STATUS_NAME FROM Q_Host_List_Detection_Status");

	(void)c;
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
	snprintf(ret_name, 64, "snapshot-%" PRIu64, complete->run);
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

static void forget(void)
{
	ids_close(&told.known);
	ids_close(&told.detected);
	ids_close(&told.owed);
	ids_close(&told.ignored);
	ids_close(&told.qids);
	memset(&told, 0, sizeof(told));
	memset(told.positions, -1, sizeof(told.positions));
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
	open_hub();
	forget();
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
	forget();
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
	world.result = loader_run(world.config, world.loader);
	atomic_store(&world.ended, true);
	return NULL;
}

/* Reports, until `until` says so, or for so long. */
static bool listen_for(bool (*until)(void), int most_ms);

static bool has_begun(void)
{
	return told.first_is_over || atomic_load(&world.ended);
}

static bool has_ended(void)
{
	return atomic_load(&world.ended);
}

static bool join_loader(void)
{
	pthread_join(world.thread, NULL);
	transport_close(world.loader);
	world.running = false;
	return world.result;
}

void start_loader(void)
{
	listen_for(NULL, 0); /* what an earlier one said last */
	forget();
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
	assert_true(listen_for(has_ended, LONG_MS));
	return join_loader();
}

/* ---- what it tells */

static void add_ranges(struct ids *to, Qidflow__V1__IdRange *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ids_add(to, v[i]->first, v[i]->last);
}

static void take_report(const Qidflow__V1__Report *r)
{
	assert_int_equal(r->kind, QIDFLOW__V1__REPORT__KIND__LOADER);
	told.reports++;
	snprintf(told.database, sizeof(told.database), "%s", r->database);
	told.complete_run = r->complete_run;
	told.complete_started_at = r->complete_started_at;
	told.complete_full_at = r->complete_full_at;
	told.complete_kb_at = r->complete_kb_at;
	told.highest_run = r->highest_run;
	told.highest_number = r->highest_number;
	told.firsts += r->first;
	if (r->first && !r->known_more)
		told.first_is_over = true;
	add_ranges(&told.known, r->known, r->n_known);
	add_ranges(&told.detected, r->known_detected, r->n_known_detected);
	add_ranges(&told.owed, r->owed, r->n_owed);
	for (size_t i = 0; i < r->n_known_qids; i++)
		ids_add(&told.qids, r->known_qids[i], r->known_qids[i]);
	for (size_t i = 0; i < r->n_ignored; i++)
		ids_add(&told.ignored, r->ignored[i], r->ignored[i]);
	for (size_t i = 0; i < r->n_positions; i++) {
		enum topic t;

		assert_true(topic_of(r->positions[i]->topic, &t));
		told.positions[t][r->positions[i]->partition] = r->positions[i]->offset;
	}
}

static bool listen_for(bool (*until)(void), int most_ms)
{
	int64_t deadline = clock_ms() + most_ms;
	struct arena *a = arena_open();
	bool come = false;

	do {
		struct event e = transport_poll(world.script, most_ms ? 20 : 0);

		if (e.kind == EVENT_MESSAGE) {
			arena_reset(a);
			ProtobufCMessage *m = record_unpack(
			    a, &qidflow__v1__report__descriptor, e.message.value, e.message.size);
			assert_non_null(m);
			assert_true(e.message.size < 500 * 1000);
			take_report((const Qidflow__V1__Report *)m);
		}
		come = until && until();
		if (!most_ms && e.kind != EVENT_NONE)
			deadline = INT64_MAX;
		else if (!most_ms)
			break;
	} while (!come && clock_ms() < deadline);
	arena_close(a);
	return come;
}

static bool is_loaded(void)
{
	struct delivery_end ends[64];
	size_t n = delivery_ends(world.sent, ends, 64);

	for (size_t i = 0; i < n; i++)
		if (ends[i].topic != TOPIC_RUNS &&
		    told.positions[ends[i].topic][ends[i].partition] < ends[i].next)
			return false;
	return true;
}

void await_loaded(void)
{
	assert_true(listen_for(is_loaded, LONG_MS));
}

static int reports_before;

static bool one_more(void)
{
	return told.reports > reports_before;
}

void await_report(void)
{
	reports_before = told.reports;
	assert_true(listen_for(one_more, LONG_MS));
}

static uint64_t run_awaited;

static bool is_complete(void)
{
	return told.complete_run == run_awaited;
}

void await_complete(uint64_t r)
{
	run_awaited = r;
	assert_true(listen_for(is_complete, LONG_MS));
}

void expect_no_publishing(void)
{
	int before = atomic_load(&published.times);

	listen_for(NULL, SHORT_MS);
	assert_int_equal(atomic_load(&published.times), before);
}

static struct {
	const char *sql;
	int64_t n;
} value_awaited;

static bool has_come(void)
{
	return ask(value_awaited.sql) == value_awaited.n;
}

void await_value(const char *sql, int64_t n)
{
	value_awaited.sql = sql;
	value_awaited.n = n;
	assert_true(listen_for(has_come, LONG_MS));
}

struct transport *loader_world_script(void)
{
	return world.script;
}

struct delivery *loader_world_sent(void)
{
	return world.sent;
}

const char *loader_world_path(void)
{
	return world.path;
}

void assert_said(const char *text)
{
	pthread_mutex_lock(&world.lock);
	bool is = strstr(world.said, text) != NULL;
	pthread_mutex_unlock(&world.lock);
	if (!is)
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
