/* test_kafka_rights.c -- the smallest rights of each role, on a real broker that asks for them, and lags.
 *
 * The tables here are those of the README: with them a role has all it needs, and without any one line of them `check` names
 * just that one. */
#include <librdkafka/rdkafka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "kafka.h"
#include "kafka_topics.h"
#include "kafka_world.h"
#include <cmocka.h> /* its fail() is a macro */

struct right {
	const char *right;
	enum kafka_world_kind kind;
	const char *name;
};

static const struct right coordinator[] = {{"Read", WORLD_GROUP, "coordinator"},
    {"Read", WORLD_TOPIC, "batches"}, {"Read", WORLD_TOPIC, "reports"}, {"Read", WORLD_TOPIC, "runs"},
    {"Write", WORLD_TOPIC, "batches"}, {"Write", WORLD_TOPIC, "runs"}, {"Write", WORLD_TOPIC, "hosts"},
    {"Write", WORLD_TOPIC, "vulnerabilities"}, {"Write", WORLD_TOPIC, "detections"},
    {"Write", WORLD_TOPIC, "deadletters"}, {0}};
static const struct right fetcher[] = {{"Read", WORLD_GROUP, "fetchers"}, {"Read", WORLD_TOPIC, "batches"},
    {"Read", WORLD_TOPIC, "runs"}, {"Write", WORLD_TOPIC, "reports"}, {"Write", WORLD_TOPIC, "detections"},
    {"Write", WORLD_TOPIC, "deadletters"}, {0}};
static const struct right loader[] = {{"Read", WORLD_GROUP, "loader"}, {"Read", WORLD_TOPIC, "runs"},
    {"Read", WORLD_TOPIC, "hosts"}, {"Read", WORLD_TOPIC, "vulnerabilities"},
    {"Read", WORLD_TOPIC, "detections"}, {"Write", WORLD_TOPIC, "reports"},
    {"Write", WORLD_TOPIC, "deadletters"}, {0}};

struct finding {
	const char *what;
	enum kafka_finding finding;
	char text[4096];
};

static void take_finding(void *arg, enum kafka_finding f, const char *what, const char *text)
{
	struct finding *to = arg;

	if (strcmp(what, to->what))
		return;
	to->finding = f;
	snprintf(to->text, sizeof(to->text), "%s", text);
}

/* Rights reach the broker's authorizer a moment later. */
static void expect(struct kafka_world *w, const char *role, enum kafka_finding wanted, const char *text)
{
	struct finding f = {.what = role};
	int64_t end = clock_ms() + 20000;

	do {
		*f.text = '\0';
		kafka_check(w->config, take_finding, &f);
	} while ((f.finding != wanted || !strstr(f.text, text)) && clock_ms() < end);
	if (f.finding != wanted || !strstr(f.text, text))
		fail_msg("%s: not '%s' but %d: %s", role, text, (int)f.finding, f.text);
}

/* What a topic's settings are is needed for Write to be tried. */
static void allow(struct kafka_world *w, const struct right *rights, size_t but)
{
	kafka_world_allow(w, "some", "Describe_Configs", WORLD_TOPIC, "", true);
	for (size_t i = 0; rights[i].right; i++)
		if (i != but)
			kafka_world_allow(w, "some", rights[i].right, rights[i].kind, rights[i].name, false);
}

static void check_role(struct kafka_world *w, const char *role, const struct right *rights)
{
	char text[256];

	assert_true(kafka_topics_make(w->config));
	kafka_world_user(w, "some", "some-password");
	allow(w, rights, SIZE_MAX);
	expect(w, role, KAFKA_OK, "has all the rights that it needs");
	for (size_t i = 0; rights[i].right; i++) {
		kafka_world_forbid(w);
		allow(w, rights, i);
		snprintf(text, sizeof(text), "a %s lacks the rights %s on %s %s%s", role, rights[i].right,
		    rights[i].kind == WORLD_TOPIC ? "topic" : "group", w->prefix, rights[i].name);
		expect(w, role, KAFKA_WARN, text);
	}
}

static void test_coordinator(void **state)
{
	check_role(*state, "coordinator", coordinator);
}

static void test_fetcher(void **state)
{
	check_role(*state, "fetcher", fetcher);
}

static void test_loader(void **state)
{
	check_role(*state, "loader", loader);
}

/* A coordinator that may make topics of its prefix and nothing beside. */
static void test_the_coordinators_rights_suffice(void **state)
{
	struct kafka_world *w = *state;
	int64_t end = clock_ms() + 20000;

	kafka_world_user(w, "some", "some-password");
	allow(w, coordinator, SIZE_MAX);
	expect(w, "coordinator", KAFKA_WARN, "lacks the rights Create on topic ");
	kafka_world_forget(w);
	assert_false(kafka_topics_make(w->config));
	assert_true(kafka_world_said(w, "needs right Create on topics with prefix "));
	assert_false(kafka_world_exists(w, "runs"));
	/* what it may not see is told so, too */
	kafka_world_allow(w, "some", "Create", WORLD_TOPIC, "", true);
	while (!kafka_topics_make(w->config) && clock_ms() < end)
		continue;
	kafka_world_forget(w);
	assert_true(kafka_topics_make(w->config));
	assert_false(kafka_world_said(w, "ERROR"));
	assert_int_equal(kafka_world_end(w, "runs", 0), 1);
}

/* It reads and writes its topics, and is not let into its group: said with the remedy, and over. */
static void a_role_without_its_group(
    struct kafka_world *w, enum kafka_role role, const struct right *rights, enum topic topic)
{
	char text[256];
	int64_t end = clock_ms() + 30000;
	size_t group = 0;

	while (rights[group].kind != WORLD_GROUP)
		group++;
	assert_true(kafka_topics_make(w->config));
	kafka_world_user(w, "some", "some-password");
	allow(w, rights, group);
	snprintf(text, sizeof(text), "lacks the rights Read on group %s%s", w->prefix, rights[group].name);
	expect(w, role == KAFKA_FETCHER ? "fetcher" : "coordinator", KAFKA_WARN, text);
	kafka_world_forget(w);
	struct transport *t = kafka_open(w->config, role, "member");
	assert_non_null(t);
	transport_subscribe(t, topic);
	while (transport_poll(t, 500).kind != EVENT_CLOSED)
		assert_true(clock_ms() < end);
	snprintf(text, sizeof(text), "group %s%s", w->prefix, rights[group].name);
	assert_true(kafka_world_said(w, "our user needs right Read on it"));
	assert_true(kafka_world_said(w, text));
	transport_close(t);
}

static void test_a_fetcher_without_its_group(void **state)
{
	a_role_without_its_group(*state, KAFKA_FETCHER, fetcher, TOPIC_BATCHES);
}

static void test_a_coordinator_without_its_group(void **state)
{
	a_role_without_its_group(*state, KAFKA_COORDINATOR, coordinator, TOPIC_REPORTS);
}

static void test_who_may_nothing(void **state)
{
	struct kafka_world *w = *state;

	assert_true(kafka_topics_make(w->config));
	kafka_world_user(w, "none", "none-password");
	kafka_world_forget(w);
	int64_t began = clock_ms();
	assert_false(kafka_topics_make(w->config));
	assert_in_range(clock_ms() - began, 0, 30000);
	assert_true(kafka_world_said(w, "right Describe is missing"));
	expect(w, "fetcher", KAFKA_WARN, "lacks the rights Read on topic ");
}

/* Finding out about rights writes nothing and disturbs no group. */
static void test_check_changes_nothing(void **state)
{
	struct kafka_world *w = *state;
	struct finding f = {.what = "coordinator"};
	struct kafka_lag *lags;
	size_t n;

	assert_true(kafka_topics_make(w->config));
	kafka_check(w->config, take_finding, &f);
	assert_int_equal(f.finding, KAFKA_OK);
	assert_true(kafka_lags(w->config, &lags, &n));
	assert_int_equal(n, 32 + 1 + 1 + 3 * 6);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(lags[i].end, lags[i].topic == TOPIC_RUNS);
		assert_int_equal(lags[i].next, -1);
		assert_string_equal(lags[i].member, "");
		assert_string_equal(lags[i].metadata, "");
	}
	free(lags);
	assert_int_equal(kafka_world_end(w, "deadletters", 0), 0);
}

static int rebalances;

static void on_rebalance(
    rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	(void)opaque;
	rebalances++;
	rd_kafka_assign(rk, e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? list : NULL);
}

static rd_kafka_t *join(struct kafka_world *w, const char *group, const char *topic, const char *client)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	char why[512], name[128];

	rd_kafka_conf_set(conf, "bootstrap.servers", getenv("QIDFLOW_TEST_KAFKA"), why, sizeof(why));
	rd_kafka_conf_set(conf, "client.id", client, why, sizeof(why));
	rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof(why));
	snprintf(name, sizeof(name), "%s%s", w->prefix, group);
	rd_kafka_conf_set(conf, "group.id", name, why, sizeof(why));
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	assert_non_null(rk);
	rd_kafka_poll_set_consumer(rk);
	snprintf(name, sizeof(name), "%s%s", w->prefix, topic);
	rd_kafka_topic_partition_list_add(list, name, RD_KAFKA_PARTITION_UA);
	assert_int_equal(rd_kafka_subscribe(rk, list), 0);
	for (int i = 0; i < 100; i++) {
		rd_kafka_topic_partition_list_t *ours;
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m)
			rd_kafka_message_destroy(m);
		assert_int_equal(rd_kafka_assignment(rk, &ours), 0);
		i = ours->cnt ? 100 : i;
		rd_kafka_topic_partition_list_destroy(ours);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return rk;
}

/* The broker of the tests allows sessions of two hours: who joined to find out whether it may would be let in. */
static void test_check_disturbs_no_group(void **state)
{
	struct kafka_world *w = *state;
	struct finding f = {.what = "fetcher"};

	assert_true(kafka_topics_make(w->config));
	rd_kafka_t *member = join(w, "fetchers", "batches", "fetcher-on-a-host");
	rebalances = 0;
	kafka_check(w->config, take_finding, &f);
	assert_int_equal(f.finding, KAFKA_OK);
	for (int i = 0; i < 50; i++) { /* a member learns of it by its next heartbeat, each 3 s */
		rd_kafka_message_t *m = rd_kafka_consumer_poll(member, 100);
		if (m)
			rd_kafka_message_destroy(m);
	}
	assert_int_equal(rebalances, 0);
	rd_kafka_consumer_close(member);
	rd_kafka_destroy(member);
}

static void test_lags(void **state)
{
	struct kafka_world *w = *state;
	rd_kafka_topic_partition_list_t *commit = rd_kafka_topic_partition_list_new(1);
	struct kafka_lag *lags;
	char name[128];
	size_t n, batches = 0;

	assert_true(config_set(w->config, "topic.slots", "4", "test"));
	assert_true(kafka_topics_make(w->config));
	for (int i = 0; i < 3; i++)
		kafka_world_produce(w, "batches", 2, NULL, "x");
	rd_kafka_t *member = join(w, "fetchers", "batches", "fetcher-on-a-host");
	snprintf(name, sizeof(name), "%sbatches", w->prefix);
	rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(commit, name, 2);
	p->offset = 1;
	p->metadata = strdup("begun 7");
	p->metadata_size = strlen("begun 7");
	assert_int_equal(rd_kafka_commit(member, commit, 0), 0);
	rd_kafka_topic_partition_list_destroy(commit);

	assert_true(kafka_lags(w->config, &lags, &n));
	for (size_t i = 0; i < n; i++) {
		if (lags[i].topic != TOPIC_BATCHES) {
			assert_string_equal(lags[i].member, "");
			continue;
		}
		batches++;
		assert_string_equal(lags[i].member, "fetcher-on-a-host");
		assert_string_equal(lags[i].host, "127.0.0.1");
		assert_int_equal(lags[i].end, lags[i].partition == 2 ? 3 : 0);
		assert_int_equal(lags[i].next, lags[i].partition == 2 ? 1 : -1);
		assert_string_equal(lags[i].metadata, lags[i].partition == 2 ? "begun 7" : "");
	}
	assert_int_equal(batches, 4);
	free(lags);
	rd_kafka_consumer_close(member);
	rd_kafka_destroy(member);
}

static void test_lags_without_topics(void **state)
{
	struct kafka_world *w = *state;
	struct kafka_lag *lags;
	size_t n;

	assert_false(kafka_lags(w->config, &lags, &n));
	assert_true(kafka_world_said(w, "batches: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_world_open, kafka_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_check_changes_nothing),
	    TEST(test_check_disturbs_no_group),
	    TEST(test_lags),
	    TEST(test_lags_without_topics),
	    TEST(test_who_may_nothing),
	    TEST(test_a_fetcher_without_its_group),
	    TEST(test_a_coordinator_without_its_group),
	    TEST(test_the_coordinators_rights_suffice),
	    TEST(test_coordinator),
	    TEST(test_fetcher),
	    TEST(test_loader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
