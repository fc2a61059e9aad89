/* test_diff.c -- what each pair of a detection then and now is told as, that all of it balances, and counts by name. */
#include "db.h"
#include "diff.h"
#include "diff_about.h"
#include "diff_groups.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "temporary.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { BEFORE, AFTER, SIDES };

static struct {
	char folder[TEMPORARY_PATH], said[2048], told[4096];
	struct db *db[SIDES];
	struct diff_sums sums;
} w;

static const char tables[] =
    "CREATE TABLE Q_Host_List(ID INTEGER PRIMARY KEY, IP TEXT, DNS TEXT);"
    "CREATE TABLE Q_Host_List_Detection_HOSTS(ID INTEGER PRIMARY KEY, IP TEXT, DNS TEXT);"
    "CREATE TABLE Q_KnowledgeBase(QID INTEGER PRIMARY KEY, SEVERITY_LEVEL INTEGER, TITLE TEXT);"
    "CREATE TABLE Q_Host_List_Detection_QIDS(ID INTEGER, detection_key INTEGER, QID INTEGER, SEVERITY "
    "INTEGER,"
    " QDS INTEGER, PORT INTEGER, STATUS TEXT, TYPE TEXT, PROTOCOL TEXT, FIRST_FOUND_DATETIME TEXT);"
    "CREATE UNIQUE INDEX detections_by_host ON Q_Host_List_Detection_QIDS(ID, detection_key);"
    "CREATE VIEW vulnerabilities AS SELECT d.ID AS host_id, d.QID AS qid, k.TITLE AS title,"
    " iif(d.ID = 3, NULL, 'team' || (d.ID % 2)) AS owner_team, 'any' AS any_owner"
    " FROM Q_Host_List_Detection_QIDS AS d LEFT JOIN Q_KnowledgeBase AS k ON k.QID = d.QID;"
    "CREATE TABLE qidflow_enrich(name TEXT, match TEXT, several INTEGER, columns TEXT, loaded_at TEXT, "
    "position INTEGER);"
    "INSERT INTO qidflow_enrich VALUES('owner', 'host_id', 0, '[{\"name\":\"owner_team\",\"number\":0}]', "
    "'x', 0);"
    "CREATE TABLE qidflow_enriched_owner(id INTEGER PRIMARY KEY, owner_team TEXT);";

static void hear(void *arg, const char *line, unsigned size)
{
	(void)arg;
	snprintf(w.said, sizeof(w.said), "%.*s", (int)size, line);
}

static int set_up(void **state)
{
	static const char *const names[SIDES] = {"before", "after"};

	(void)state;
	memset(&w, 0, sizeof(w));
	assert_true(temporary_make(w.folder));
	log_set_writer(hear, NULL);
	for (int i = 0; i < SIDES; i++) {
		char path[TEMPORARY_PATH + 16];

		snprintf(path, sizeof(path), "%s/%s", w.folder, names[i]);
		w.db[i] = db_open(path, DB_WRITE, 4096);
		assert_true(w.db[i] && db_exec(w.db[i], "%s", tables));
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_set_writer(NULL, NULL);
	for (int i = 0; i < SIDES; i++)
		db_close(w.db[i]);
	return temporary_remove(w.folder) ? 0 : -1;
}

static void host(int side, int64_t id)
{
	assert_true(db_exec(w.db[side],
	    "INSERT INTO Q_Host_List VALUES(%lld, 'ip%lld', 'dns%d'); INSERT INTO qidflow_enriched_owner "
	    "SELECT %lld, 'team' || (%lld %% 2) WHERE %lld <> 3",
	    (long long)id, (long long)id, side, (long long)id, (long long)id, (long long)id));
}

/* rest: severity, QDS, status, type, as SQL. */
static void detection(int side, int64_t id, int64_t key, const char *rest)
{
	assert_true(db_exec(w.db[side],
	    "INSERT INTO Q_Host_List_Detection_QIDS(ID, detection_key, QID, SEVERITY, QDS, STATUS, TYPE)"
	    " VALUES(%lld, %lld, 7, %s)",
	    (long long)id, (long long)key, rest));
}

static bool note(void *arg, const struct diff_change *c)
{
	size_t used = strlen(w.told);
	const int64_t *most = arg;

	snprintf(w.told + used, sizeof(w.told) - used, "%s %lld %lld\n", diff_names[c->kind],
	    (long long)c->host, (long long)(c->after.there ? c->after.key : c->before.key));
	return !most || used < (size_t)*most;
}

static void assert_told(const char *told)
{
	w.told[0] = '\0';
	assert_true(diff_run(w.db[BEFORE], w.db[AFTER], note, NULL, &w.sums));
	assert_string_equal(w.told, told);
}

static void assert_balance(void)
{
	for (int i = 0; i < DIFF_SEVERITIES; i++)
		assert_int_equal(w.sums.before[i] + w.sums.n[DIFF_NEW][i] + w.sums.n[DIFF_REOPENED][i] +
				     w.sums.n[DIFF_CAME_WITH_HOST][i] - w.sums.n[DIFF_FIXED][i] -
				     w.sums.n[DIFF_GONE][i] - w.sums.n[DIFF_WENT_WITH_HOST][i] +
				     w.sums.net[i],
		    w.sums.after[i]);
}

/* What a detection was and is; NULL: it is not there. */
static void test_kinds(void **state)
{
	static const struct {
		const char *before, *after, *told;
	} pairs[] = {
	    {NULL, "5, 9, 'New', 'Confirmed'", "new"},
	    {NULL, "5, 9, 'Re-Opened', 'Confirmed'", "new"},
	    {NULL, "5, 9, NULL, NULL", "new"},
	    {NULL, "5, 9, 'Fixed', 'Confirmed'", NULL},
	    {NULL, "5, 9, 'New', 'Info'", NULL},
	    {"5, 9, 'Active', 'Info'", NULL, NULL},
	    {"5, 9, 'Active', 'Info'", "5, 9, 'Active', 'Potential'", "new"},
	    {"5, 9, 'Fixed', 'Potential'", "5, 9, 'Active', 'Potential'", "reopened"},
	    {"4, 8, 'Fixed', 'Confirmed'", "5, 9, 'Re-Opened', 'Confirmed'", "reopened"},
	    {"5, 9, 'Active', 'Confirmed'", "5, 9, 'Re-Opened', 'Confirmed'", NULL},
	    {"5, 9, 'Re-Opened', 'Confirmed'", "4, 8, 'Fixed', 'Confirmed'", "fixed"},
	    {"5, 9, 'Fixed', 'Confirmed'", "4, 8, 'Fixed', 'Confirmed'", NULL},
	    {"5, 9, 'Active', 'Confirmed'", NULL, "gone"},
	    {"5, 9, 'Active', 'Confirmed'", "5, 9, 'Active', 'Info'", "gone"},
	    {"5, 9, 'Fixed', 'Confirmed'", NULL, NULL},
	    {"5, 9, 'New', 'Confirmed'", "5, 9, 'Active', 'Potential'", NULL},
	    {"5, 9, 'New', 'Confirmed'", "4, 9, 'Active', 'Confirmed'", "severity"},
	    {"5, 9, 'New', 'Confirmed'", "NULL, 9, 'Active', 'Confirmed'", "severity"},
	    {"5, NULL, 'New', 'Confirmed'", "5, 0, 'Active', 'Confirmed'", "qds"},
	    {"5, 9, 'New', 'Confirmed'", "5, 8, 'Active', 'Confirmed'", "qds"},
	};

	(void)state;
	host(BEFORE, 1);
	host(AFTER, 1);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char told[64] = "";

		for (int side = 0; side < SIDES; side++) {
			const char *is = side == BEFORE ? pairs[i].before : pairs[i].after;

			assert_true(db_exec(w.db[side], "DELETE FROM Q_Host_List_Detection_QIDS"));
			if (is)
				detection(side, 1, 17, is);
		}
		if (pairs[i].told)
			snprintf(told, sizeof(told), "%s 1 17\n", pairs[i].told);
		assert_told(told);
		assert_balance();
	}
}

/* Keys of both signs, hosts of any table or of none, both kinds of score at once; in the order of hosts and keys. */
static void test_order_and_hosts(void **state)
{
	(void)state;
	host(BEFORE, 1);
	host(BEFORE, 2);
	host(AFTER, 1);
	host(AFTER, 9);
	assert_true(db_exec(w.db[AFTER], "INSERT INTO Q_Host_List_Detection_HOSTS(ID) VALUES(5)"));
	detection(BEFORE, 1, 4, "1, 1, 'New', 'Confirmed'");
	detection(AFTER, 1, 4, "2, 3, 'New', 'Confirmed'");
	detection(AFTER, 1, -4, "3, 1, 'New', 'Confirmed'");
	detection(BEFORE, 1, INT64_MAX, "4, 1, 'New', 'Confirmed'");
	detection(BEFORE, 2, 1, "5, 1, 'Active', 'Confirmed'");
	detection(BEFORE, 2, 2, "5, 1, 'Fixed', 'Confirmed'");
	detection(AFTER, 5, 1, "5, 1, 'Active', 'Confirmed'");
	detection(AFTER, 5, 2, "5, 1, 'Fixed', 'Confirmed'");
	detection(BEFORE, 7, 1, "5, 1, 'Active', 'Confirmed'"); /* no other table names this host */
	detection(AFTER, 7, 1, "5, 1, 'Active', 'Confirmed'");
	assert_told(
	    "new 1 -4\nseverity 1 4\nqds 1 4\ngone 1 9223372036854775807\nwent_with_host 2 1\nhost_gone 2 0\n"
	    "came_with_host 5 1\nhost_came 5 0\nhost_came 9 0\n");
	assert_balance();
	assert_int_equal(w.sums.hosts_before, 3);
	assert_int_equal(w.sums.hosts_after, 4);
	assert_int_equal(w.sums.qds_higher, 1);
	assert_int_equal(w.sums.qds_lower, 0);
	assert_int_equal(diff_total(w.sums.before), 4);
	assert_int_equal(diff_total(w.sums.after), 4);
	assert_int_equal(w.sums.net[1], -1);
	assert_int_equal(w.sums.net[2], 1);
}

/* A severity that the detection lacks is that of its QID. */
static void test_severity_of_the_qid(void **state)
{
	(void)state;
	detection(BEFORE, 1, 1, "NULL, 1, 'New', 'Confirmed'");
	detection(AFTER, 1, 1, "NULL, 1, 'New', 'Confirmed'");
	assert_told("");
	assert_int_equal(w.sums.before[0], 1);
	assert_true(db_exec(w.db[AFTER], "INSERT INTO Q_KnowledgeBase VALUES(7, 4, 't')"));
	assert_told("severity 1 1\n");
	assert_int_equal(w.sums.n[DIFF_SEVERITY][4], 1);
	assert_true(db_exec(w.db[BEFORE], "INSERT INTO Q_KnowledgeBase VALUES(7, 4, 't')"));
	assert_told("");
}

static void test_ends_early(void **state)
{
	int64_t most = 20;

	(void)state;
	for (int key = 1; key < 9; key++)
		detection(AFTER, 1, key, "1, 1, 'New', 'Confirmed'");
	assert_false(diff_run(w.db[BEFORE], w.db[AFTER], note, &most, &w.sums));
	assert_told("came_with_host 1 1\ncame_with_host 1 2\ncame_with_host 1 3\ncame_with_host 1 "
		    "4\ncame_with_host 1 5\n"
		    "came_with_host 1 6\ncame_with_host 1 7\ncame_with_host 1 8\nhost_came 1 0\n");
	assert_true(db_exec(w.db[BEFORE], "DROP INDEX detections_by_host"));
	assert_false(diff_run(w.db[BEFORE], w.db[AFTER], NULL, NULL, &w.sums));
	assert_non_null(strstr(w.said, "before: is no snapshot of qidflow"));
}

struct asked {
	struct diff_about *about;
	struct diff_groups *groups;
};

static bool ask(void *arg, const struct diff_change *c)
{
	struct asked *a = arg;
	struct diff_about_row row;
	size_t used = strlen(w.told);

	if (!diff_about_find(a->about, c, &row))
		return false;
	diff_groups_count(a->groups, row.by, c->kind);
	snprintf(w.told + used, sizeof(w.told) - used, "%s %s %s %s %s\n", diff_names[c->kind],
	    row.ip ? row.ip : "-", row.dns ? row.dns : "-", row.title ? row.title : "-",
	    row.by ? row.by : "-");
	return true;
}

/* Of each change what is known where it is: of 1 and 2 the detections say it, of 8 and 9, which have none, tables of hosts. */
static void test_about(void **state)
{
	struct asked a = {.groups = diff_groups_open()};
	const struct diff_group *g;

	(void)state;
	assert_true(db_exec(w.db[BEFORE], "INSERT INTO Q_KnowledgeBase VALUES(7, 4, 'then')"));
	assert_true(db_exec(w.db[AFTER], "INSERT INTO Q_KnowledgeBase VALUES(7, 4, 'now')"));
	for (int id = 1; id <= 3; id++)
		host(id == 3 ? AFTER : BEFORE, id);
	host(AFTER, 1);
	detection(BEFORE, 1, 1, "4, 1, 'New', 'Confirmed'");
	detection(AFTER, 1, 1, "4, 1, 'Fixed', 'Confirmed'");
	detection(BEFORE, 1, 2, "4, 1, 'New', 'Confirmed'");
	detection(BEFORE, 2, 1, "4, 1, 'New', 'Confirmed'");
	detection(AFTER, 3, 1, "4, 1, 'New', 'Confirmed'");
	host(BEFORE, 8);
	host(AFTER, 9);
	assert_true(
	    db_exec(w.db[AFTER], "INSERT INTO Q_Host_List_Detection_HOSTS(ID, IP) VALUES(9, 'ip of 9')"));
	a.about = diff_about_open(w.db[BEFORE], w.db[AFTER], "OWNER_team", true);
	assert_non_null(a.about);
	assert_true(diff_run(w.db[BEFORE], w.db[AFTER], ask, &a, &w.sums));
	assert_string_equal(w.told,
	    "fixed ip1 dns1 now team1\ngone ip1 dns0 then team1\nwent_with_host ip2 dns0 then team0\n"
	    "host_gone ip2 dns0 - team0\ncame_with_host ip3 dns1 now -\nhost_came ip3 dns1 - -\n"
	    "host_gone ip8 dns0 - team0\nhost_came ip of 9 dns1 - team1\n");
	assert_int_equal(diff_groups_sorted(a.groups, &g), 3);
	assert_string_equal(g[0].name, "team0");
	assert_int_equal(g[0].n[DIFF_HOST_GONE], 2);
	assert_string_equal(g[1].name, "team1");
	assert_int_equal(g[1].n[DIFF_FIXED] + g[1].n[DIFF_GONE], 2);
	assert_int_equal(g[1].n[DIFF_HOST_CAME], 1);
	assert_null(g[2].name);
	diff_about_close(a.about);
	diff_groups_close(a.groups);
}

/* A column that no table of enrichment has is the view's; one of neither is NULL. */
static void test_about_a_column_of_the_view(void **state)
{
	struct asked a = {.groups = diff_groups_open()};

	(void)state;
	host(AFTER, 1);
	host(AFTER, 9);
	detection(AFTER, 1, 1, "4, 1, 'New', 'Confirmed'");
	a.about = diff_about_open(w.db[BEFORE], w.db[AFTER], "any_owner", true);
	assert_non_null(a.about);
	assert_true(diff_run(w.db[BEFORE], w.db[AFTER], ask, &a, &w.sums));
	assert_string_equal(
	    w.told, "came_with_host ip1 dns1 - any\nhost_came ip1 dns1 - any\nhost_came ip9 dns1 - -\n");
	diff_about_close(a.about);
	diff_groups_close(a.groups);
	a.about = diff_about_open(w.db[BEFORE], w.db[AFTER], "nobody", false);
	assert_non_null(a.about);
	diff_about_close(a.about);
}

static void test_many_groups(void **state)
{
	enum { MANY = 5000 };
	struct diff_groups *groups = diff_groups_open();
	const struct diff_group *g;
	char name[32];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "owner %d", i);
			diff_groups_count(groups, name, DIFF_NEW);
		}
	diff_groups_count(groups, "owner 77", DIFF_QDS);
	assert_int_equal(diff_groups_sorted(groups, &g), MANY);
	assert_string_equal(g[0].name, "owner 77");
	for (int i = 0; i < MANY; i++)
		assert_int_equal(g[i].n[DIFF_NEW], 2);
	diff_groups_count(groups, "owner 77", DIFF_QDS); /* found again behind the sort */
	assert_int_equal(diff_groups_sorted(groups, &g), MANY);
	diff_groups_close(groups);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_kinds),
	    TEST(test_order_and_hosts),
	    TEST(test_severity_of_the_qid),
	    TEST(test_ends_early),
	    TEST(test_about),
	    TEST(test_about_a_column_of_the_view),
	    TEST(test_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
