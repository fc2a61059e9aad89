/* test_enrich_match.c -- by what rows are joined: each kind of key, the longest that wins, several that match. */
#include "enrich_world.h"

#define OF_HOSTS(name)                                                                                       \
	"SELECT i.ID, e." name " FROM (SELECT ID FROM Q_Host_List UNION SELECT ID FROM "                     \
	"Q_Host_List_Detection_HOSTS) AS i LEFT JOIN qidflow_enriched_s AS e ON e.id = i.ID ORDER BY 1"

static void check(const char *match, const char *text, const char *rows)
{
	world_source("s", match, text);
	assert_load();
	assert_rows(OF_HOSTS("s_v"), rows);
}

static void test_ids(void **state)
{
	(void)state;
	check("host_id", "id,v\n2,two\n007,none\n0005,five\n", "1|-;2|two;3|-;4|-;5|five");
	assert_rows("SELECT typeof(key), matched, matched_of, unused FROM qidflow_enrich, qidflow_enrich_s "
		    "WHERE key = 7",
	    "integer|2|5|1");
}

static void test_addresses(void **state)
{
	(void)state;
	/* what the detection call says beats the Host List; a range has no row of its own */
	check("ip", "ip,v\n10.1.2.3,list\n10.1.2.4,detections\n2001:0DB8:0::7,six\n010.1.2.5,no\n",
	    "1|detections;2|six;3|-;4|-;5|-");
	assert_rows("SELECT unreadable, unreadable_lines FROM qidflow_enrich",
	    "1|line 5 its key is not an IP address");
	check("asset_id", "a,v\n103,three\n", "1|-;2|-;3|three;4|-;5|-");
	check("asset_group", "g,v\n8,eight\n7,seven\n", "1|eight;2|eight;3|-;4|-;5|-");
}

static void test_networks(void **state)
{
	(void)state;
	check("network",
	    "net,v\n0.0.0.0/0,all\n10.0.0.0/8,ten\n10.1.2.0/24,24\n10.1.2.5,one\n10.1.2.7/23,23\n2001:db8::/"
	    "32,six\n",
	    /* 3 is the range 10.1.2.0-10.1.3.255, which no /24 holds */
	    "1|24;2|ten;3|23;4|all;5|one");
	assert_rows("SELECT matched, matched_of, unused FROM qidflow_enrich", "5|5|1");
	check("network", "net,v\n2001:db8::/32,six\n2001:db8::/127,127\n2001:db8::6/127,it\n10.1.2.0/33,no\n",
	    "1|-;2|it;3|-;4|-;5|-");
	assert_rows("SELECT unreadable_lines FROM qidflow_enrich",
	    "line 5 its key is not a network such as 10.0.0.0/8");
}

static void test_names(void **state)
{
	(void)state;
	check("dns", "d,v\nA.SHOP.example.com.,a\nshop.example.com,s\n", "1|a;2|s;3|-;4|-;5|-");
	check("dns_suffix", "d,v\nexample.com,com\n*.shop.example.com,shop\n.org,org\nhop.example.com,no\n",
	    "1|shop;2|shop;3|org;4|-;5|-");
	check("netbios", "n,v\nsrv1,one\nSRV3,three\n", "1|one;2|-;3|three;4|-;5|-");
}

static void test_tags(void **state)
{
	(void)state;
	/* of several tags, the first line of the file */
	check("tag", "t,v\n\"web, \"\"x\"\"\",web\nprod,prod\nPROD,no\n", "1|web;2|web;3|-;4|-;5|-");
	assert_rows("SELECT rows, unused FROM qidflow_enrich", "3|1");
	check("tag", "t,v\nprod,prod\n\"web, \"\"x\"\"\",web\n", "1|prod;2|web;3|-;4|-;5|-");
}

static void test_qids(void **state)
{
	(void)state;
	world_source("s", "qid", "qid,v\n101,one\n100,zero\n5,no\n");
	assert_load();
	assert_rows("SELECT qid, s_v FROM vulnerabilities ORDER BY host_id, qid",
	    "100|zero;101|one;102|-;101|one;999|-");
	assert_rows("SELECT matched, matched_of, unused FROM qidflow_enrich", "2|3|1");
}

static void test_several(void **state)
{
	static const char text[] =
	    "cve,score,due,n\ncve-2023-1,0.9,2026-12-01,007\nCVE-2023-2,0.10,2027-01-01,\n"
	    "CVE-2023-1,1,2025-01-01,8\n";
	(void)state;
	world_source("s", "cve", text);
	world_set("enrich.s.numbers", "score");
	assert_load();
	/* QID 100 has CVE-2023-2 and CVE-2023-1: the first line of the file */
	assert_rows("SELECT id, s_score, typeof(s_score), s_due, s_n, typeof(s_n) FROM qidflow_enriched_s",
	    "100|0.9|real|2026-12-01|007|text");
	assert_rows("SELECT duplicates, unused FROM qidflow_enrich", "1|0");
	world_set("enrich.s.several", "all");
	assert_load();
	assert_rows("SELECT s_score, s_n FROM qidflow_enriched_s", "[0.9,0.1,1]|[\"007\",null,\"8\"]");
	world_set("enrich.s.several", "highest");
	assert_load();
	assert_rows("SELECT s_score, s_due FROM qidflow_enriched_s", "1|2027-01-01");
	world_set("enrich.s.several", "lowest");
	assert_load();
	assert_rows("SELECT s_score, s_due FROM qidflow_enriched_s", "0.1|2025-01-01");
}

/* The n-th of one column is of the same row as the n-th of another. */
static void test_all_rows_aligned(void **state)
{
	(void)state;
	world_source("s", "tag",
	    "t,owner,mail,n\nprod,Ops,ops@x,2\n\"web, \"\"x\"\"\",Web,,10\nprod,Shop,shop@x,2\nprod,Ops,,\n");
	world_set("enrich.s.several", "all");
	assert_load();
	assert_rows("SELECT id, s_owner, s_mail, s_n FROM qidflow_enriched_s",
	    "1|[\"Ops\",\"Web\",\"Shop\",\"Ops\"]|[\"ops@x\",null,\"shop@x\",null]|[2,10,2,null];"
	    "2|[\"Web\"]|-|[10]"); /* none of its rows has a mail: as a host without rows */
}

/* As people write them. */
static void test_forms_of_keys(void **state)
{
	(void)state;
	check("ip", "ip,v\n\" 10.1.2.4\t\",one\n::ffff:10.1.2.5,five\n", "1|one;2|-;3|-;4|-;5|five");
	check("network",
	    "net,v\n10.1.2.0/255.255.255.0,24\n10.0.0.0/255.0.0.0,8\n::ffff:192.0.2.0/120,doc\n"
	    "10.0.0.0/0.0.0.255,no\n10.0.0.0/255.0.255.0,no\n::ffff:10.1.2.4/32,no\n2001:db8::/"
	    "255.0.0.0,no\n",
	    "1|24;2|8;3|8;4|doc;5|24");
	assert_rows("SELECT unreadable, key FROM qidflow_enrich, qidflow_enrich_s ORDER BY line",
	    "4|10.1.2.0/24;4|10.0.0.0/8;4|192.0.2.0/24");
	check("dns_suffix", "d,v\n\" *. shop.example.com . \",shop\n", "1|shop;2|shop;3|-;4|-;5|-");
	check("tag", "t,v\n\" prod \",spaces\n", "1|spaces;2|-;3|-;4|-;5|-");
	check("host_id", "id,v\n\"2 \",two\n\" \",none\n", "1|-;2|two;3|-;4|-;5|-");
	assert_rows("SELECT rows, without_key, unreadable FROM qidflow_enrich", "1|1|0");
}

/* The same, but for whole hosts: they come and go, and what did not change is not written. */
static void test_hosts_change(void **state)
{
	(void)state;
	check("network", "net,v\n10.0.0.0/8,ten\n", "1|ten;2|ten;3|ten;4|-;5|ten");
	assert_true(db_exec(world.db,
	    "DELETE FROM Q_Host_List WHERE ID = 2; UPDATE Q_Host_List SET IP = '10.9.9.9' WHERE "
	    "ID = 4"));
	assert_load();
	assert_rows("SELECT count(*) FROM qidflow_enriched_s", "4"); /* nobody said that hosts changed */
	assert_true(db_exec(world.db, "UPDATE qidflow_host SET list_number = 9 WHERE ID IN (2, 4)"));
	int64_t before = sqlite3_total_changes64(db_handle(world.db));
	assert_load();
	assert_rows(OF_HOSTS("s_v"), "1|ten;3|ten;4|ten;5|ten");
	/* of qidflow_enriched_s one goes and one comes */
	assert_in_range(sqlite3_total_changes64(db_handle(world.db)) - before, 2, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enrich_world_open, enrich_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_ids),
	    TEST(test_addresses),
	    TEST(test_networks),
	    TEST(test_names),
	    TEST(test_tags),
	    TEST(test_qids),
	    TEST(test_several),
	    TEST(test_all_rows_aligned),
	    TEST(test_forms_of_keys),
	    TEST(test_hosts_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
