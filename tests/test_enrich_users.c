/* test_enrich_users.c -- files and settings as users have them: machines without an address, hundreds of columns, a run by hand
 * without the settings file. */
#include "enrich_world.h"
#include "schema.h"

/* A seventh of a CMDB has no address yet, and a spreadsheet has empty rows behind. */
static void test_rows_without_key(void **state)
{
	char text[8192] = "ip,owner\n";
	size_t n = strlen(text);

	(void)state;
	for (int i = 0; i < 210; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, i % 7 ? "10.1.%d.4,o\n" : "%.0d\"  \",o\n", i % 7 ? i : 0);
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, i % 2 ? ",\n" : ",,,\n");
	world_source("s", "ip", text);
	assert_load();
	assert_rows("SELECT state, rows, without_key, unreadable FROM qidflow_enrich", "good|180|90|0");
	assert_rows("SELECT id FROM qidflow_enriched_s", "1");
	world_write("s.csv", "ip,owner\n,a\n,b\n");
	assert_load();
	assert_rows("SELECT state, error, rows FROM qidflow_enrich", "broken|none of its rows has a key|180");
}

/* A database that was made before they were counted. */
static void test_older_database(void **state)
{
	(void)state;
	world_source("s", "ip", "ip,owner\n10.1.2.4,o\n,x\n");
	assert_load();
	assert_true(db_exec(world.db, "ALTER TABLE qidflow_enrich DROP COLUMN without_key;"
				      "UPDATE qidflow_enrich SET settings = 'ip|first||||,'"));
	assert_load();
	assert_rows("SELECT without_key FROM qidflow_enrich", "1");
}

static void test_many_columns(void **state)
{
	char text[8192] = "id", row[4096] = "\n1";
	size_t n = strlen(text), m = strlen(row);

	(void)state;
	for (int i = 1; i < 300; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",c%d", i);
		m += (size_t)snprintf(row + m, sizeof(row) - m, ",%d", i);
	}
	snprintf(text + n, sizeof(text) - n, "%s\n", row);
	world_source("s", "host_id", text);
	assert_load();
	assert_rows("SELECT error FROM qidflow_enrich",
	    "all sources together would have more than 100 columns: choose with columns");
	world_set("enrich.s.columns", "c299, c7");
	assert_load();
	assert_rows("SELECT s_c299, s_c7 FROM qidflow_enriched_s", "299|7");
}

/* qidflow run --data DATA, without --config: that is no wish to lose anything. */
static void test_settings_without_any(void **state)
{
	bool used;

	(void)state;
	world_source("s", "tag", "t,v\nprod,1\n");
	world_set("due.severity5", "3");
	assert_load();
	config_close(world.config);
	world.config = config_open();
	/* meanwhile another host got the tag */
	assert_true(
	    db_exec(world.db, "UPDATE Q_Host_List SET TAGS = '{\"TAG\":[{\"NAME\":\"prod\"}]}' WHERE ID = 3;"
			      "UPDATE qidflow_host SET list_number = 77 WHERE id = 3"));
	assert_load();
	assert_said("WARN");
	assert_said("what was loaded stays");
	assert_said("enrich.forget = yes removes it");
	assert_rows("SELECT id, s_v FROM qidflow_enriched_s", "1|1;3|1");
	assert_rows("SELECT state, matched, rows, file LIKE '%/s.csv' FROM qidflow_enrich", "kept|2|1|1");
	assert_rows("SELECT error FROM qidflow_enrich",
	    "the settings have no [enrich.NAME], so its file is not read");
	assert_rows("SELECT DISTINCT s_v FROM vulnerabilities WHERE host_id = 1 AND overdue", "1");
	world_source("s", "tag", "t,v\nprod,1\n"); /* and with them again */
	world_set("due.severity5", "3");
	assert_load();
	assert_rows("SELECT state, error, loaded_run FROM qidflow_enrich", "good|-|1");
	config_close(world.config);
	world.config = config_open();
	world_set("enrich.forget", "yes");
	assert_load();
	assert_rows(
	    "SELECT count(*) FROM pragma_table_info('vulnerabilities') WHERE name IN ('s_v', 'due')", "0");
	assert_true(enrich_is_used(world.config, world.db, &used));
	assert_false(used);
}

/* Days alone are settings, too. */
static void test_due_without_any(void **state)
{
	(void)state;
	world_set("due.severity5", "3");
	assert_load();
	config_close(world.config);
	world.config = config_open();
	assert_load();
	assert_said("what was loaded stays");
	assert_rows("SELECT count(*) FROM pragma_table_info('vulnerabilities') WHERE name = 'due'", "1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enrich_world_open, enrich_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_rows_without_key),
	    TEST(test_older_database),
	    TEST(test_many_columns),
	    TEST(test_settings_without_any),
	    TEST(test_due_without_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
