/* test_store_golden.c -- fixtures of the three APIs become exactly these tables.
 *
 * tests/golden/store_tables.txt holds every value but NULLs, as SQL literals. After a wanted change: run with
 * QIDFLOW_GOLDEN=write, and read the difference before it is kept. */
#include "store_world.h"
#include "buffer.h"
#include "record.h"
#include "schema.h"
#include "xml_reader.h"

enum { MOST = 1 << 20, CHUNK = 7 };

static bool take(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	enum stored stored;

	(void)arg;
	(void)root;
	if (m->descriptor == &qidflow__v1__host__descriptor) {
		((Qidflow__V1__Host *)m)->set = make_set(1, 3, 11, "")->set;
		stored = store_host(world.store, (Qidflow__V1__Host *)m);
	} else if (m->descriptor == &qidflow__v1__vulnerability__descriptor) {
		((Qidflow__V1__Vulnerability *)m)->set = make_set(1, 3, 12, "")->set;
		stored = store_vulnerability(world.store, (Qidflow__V1__Vulnerability *)m);
	} else {
		((Qidflow__V1__HostDetections *)m)->set = make_set(1, 3, 13, "")->set;
		stored = store_set(world.store, (Qidflow__V1__HostDetections *)m);
	}
	return stored == STORE_DONE;
}

static void read_fixture(const char *name, const char *element, record_type *type)
{
	const struct xml_root roots[] = {{element, type, NULL}, {NULL, NULL, NULL}};
	const struct xml_reader_ops ops = {.record = take};
	struct xml_reader *r = xml_reader_open(roots, 1 << 20, &ops, NULL);
	char path[256], chunk[CHUNK];
	size_t n;

	snprintf(path, sizeof(path), "%s/fixtures/store/%s", TESTS_DIR, name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(chunk, 1, CHUNK, f)) > 0)
		if (!xml_reader_feed(r, chunk, n))
			break;
	if (!xml_reader_finish(r))
		fail_msg("%s: %s", path, xml_reader_error(r));
	fclose(f);
	xml_reader_close(r);
}

static void dump_row(const char *table, const char *columns, int64_t rowid, struct buffer *to)
{
	char sql[16384];

	snprintf(
	    sql, sizeof(sql), "SELECT %s FROM \"%s\" WHERE rowid = %lld", columns, table, (long long)rowid);
	sqlite3_stmt *s = db_prepare(world.db, sql);
	assert_non_null(s);
	assert_int_equal(db_row(world.db, s), 1);
	for (int i = 0; i < sqlite3_column_count(s); i++) {
		const char *value = (const char *)sqlite3_column_text(s, i);

		if (strcmp(value, "NULL") != 0)
			assert_true(buffer_printf(to, "  %s %s\n", sqlite3_column_name(s, i), value));
	}
	sqlite3_reset(s);
	assert_true(buffer_add_text(to, "\n"));
}

static void dump_table(enum table_id t, struct buffer *to)
{
	struct schema_column columns[SCHEMA_COLUMNS];
	size_t n = schema_columns(t, columns), used = 0;
	char list[16000], sql[128];

	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%squote(\"%s\") AS \"%s\"",
		    i ? ", " : "", columns[i].name, columns[i].name);
	assert_true(buffer_printf(to, "%s\n", tables[t].name));
	snprintf(sql, sizeof(sql), "SELECT rowid FROM \"%s\" ORDER BY rowid", tables[t].name);
	sqlite3_stmt *rows = db_prepare(world.db, sql);
	while (db_row(world.db, rows) == 1)
		dump_row(tables[t].name, list, sqlite3_column_int64(rows, 0), to);
}

static void test_tables(void **state)
{
	static char golden[MOST];
	struct buffer is;

	(void)state;
	buffer_open(&is, MOST);
	read_fixture("host_list.xml", "HOST", &qidflow__v1__host__descriptor);
	read_fixture("detections.xml", "HOST", &qidflow__v1__host_detections__descriptor);
	read_fixture("knowledge_base.xml", "VULN", &qidflow__v1__vulnerability__descriptor);
	for (int t = 0; t < TABLE_COUNT; t++)
		dump_table((enum table_id)t, &is);

	const char *how = getenv("QIDFLOW_GOLDEN");
	bool writes = how && strcmp(how, "write") == 0;
	FILE *f = fopen(TESTS_DIR "/golden/store_tables.txt", writes ? "w+" : "r");
	assert_non_null(f);
	if (writes) {
		assert_int_equal(fwrite(is.data, 1, is.size, f), is.size);
		rewind(f);
	}
	golden[fread(golden, 1, sizeof(golden) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(buffer_text(&is), golden);
	buffer_close(&is);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_tables, world_open, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
