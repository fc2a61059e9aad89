/* enrich_world.c -- a database with some hosts and QIDs, and files to enrich it with. */
#include "enrich_world.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "buffer.h"
#include "schema.h"

struct enrich_test_world world;

static const char fill[] =
    "INSERT INTO Q_Host_List(ID, ASSET_ID, IP, IPV6, DNS, NETBIOS, TAGS, ASSET_GROUP_IDS) VALUES"
    " (1, 101, '10.1.2.3', NULL, 'a.shop.Example.com', 'SRV1', "
    "'{\"TAG\":[{\"NAME\":\"prod\"},{\"NAME\":\"web, \\\"x\\\"\"}]}', '7,8'),"
    " (2, 102, '10.1.9.9', '2001:db8::7', 'shop.example.com', NULL, '{\"TAG\":[{\"NAME\":\"web, "
    "\\\"x\\\"\"}]}', '8'),"
    " (3, 103, '10.1.2.0-10.1.3.255', NULL, 'example.org', 'srv3', NULL, NULL),"
    " (4, NULL, '192.0.2.1', NULL, NULL, NULL, '{\"TAG\":[]}', '');"
    "INSERT INTO Q_Host_List_Detection_HOSTS(ID, IP) VALUES(1, '10.1.2.4'), (5, '10.1.2.5');"
    "INSERT INTO qidflow_host(id, seq, number, listed, detected) VALUES(1, 1, 1, 1, 1), (2, 2, 2, 1, 0), (3, "
    "3, 3, 1, 0),"
    " (4, 4, 4, 1, 0), (5, 5, 5, 0, 1);"
    "INSERT INTO Q_KnowledgeBase(QID, BATCH_NUMBER, SEVERITY_LEVEL, CVE_LIST) VALUES"
    " (100, 1, 5, '{\"CVE\":[{\"ID\":\"CVE-2023-2\"},{\"ID\":\"CVE-2023-1\"}]}'),"
    " (101, 1, 4, '{\"CVE\":[{\"ID\":\"CVE-2023-3\"}]}'), (102, 1, 3, NULL);"
    "INSERT INTO Q_Host_List_Detection_QIDS(detection_row, ID, QID, TYPE, STATUS, FIRST_FOUND_DATETIME) "
    "VALUES"
    " (1, 1, 100, 'Confirmed', 'Active', '2026-11-01 10:00:00'), (2, 1, 101, 'Confirmed', 'Fixed', "
    "'2026-01-01 10:00:00'),"
    " (3, 1, 102, 'Info', 'New', '2026-01-01 00:00:00'), (4, 5, 101, 'Potential', 'New', '2026-11-20 "
    "00:00:00'),"
    " (5, 5, 999, 'Confirmed', 'New', '2026-11-20 00:00:00');"
    "INSERT INTO qidflow_run(run, state, started_at) VALUES(1, 'COMPLETE', '2026-11-24 03:00:00'),"
    " (2, 'STARTED', '2027-11-24 03:00:00')";

static void hear(void *arg, const char *line, unsigned size)
{
	size_t used = strlen(world.said);

	(void)arg;
	if (used + size + 1 < sizeof(world.said))
		snprintf(world.said + used, sizeof(world.said) - used, "%.*s", (int)size, line);
}

const char *world_path(const char *file)
{
	static char path[4][128];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", world.folder, file);
	return path[turn];
}

int enrich_world_open(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	snprintf(world.folder, sizeof(world.folder), "/tmp/qidflow-enrich-XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	log_set_writer(hear, NULL);
	world.config = config_open();
	world.db = db_open(world_path("qidflow.sqlite"), DB_WRITE, SCHEMA_PAGE_SIZE);
	assert_true(world.db && schema_open(world.db) && db_exec(world.db, "%s", fill));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int enrich_world_close(void **state)
{
	(void)state;
	log_set_writer(NULL, NULL);
	db_close(world.db);
	config_close(world.config);
	return nftw(world.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void world_set(const char *name, const char *value)
{
	assert_true(config_set(world.config, name, value, "test"));
}

void world_write(const char *file, const char *text)
{
	const char *made = world_path(".made");
	FILE *f = fopen(made, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(made, world_path(file)), 0);
}

void world_make_older(const char *file)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - 100}};

	assert_int_equal(utimensat(AT_FDCWD, world_path(file), times, 0), 0);
}

void world_source(const char *name, const char *match, const char *text)
{
	char setting[80], file[64];

	snprintf(file, sizeof(file), "%s.csv", name);
	world_write(file, text);
	snprintf(setting, sizeof(setting), "enrich.%s.file", name);
	world_set(setting, world_path(file));
	snprintf(setting, sizeof(setting), "enrich.%s.match", name);
	world_set(setting, match);
}

bool world_load(void)
{
	struct enrich_run run = {++world.run, 1795489200 /* 2026-11-24 03:00:00 */};
	bool used;

	assert_true(enrich_is_used(world.config, world.db, &used) && used);
	assert_true(db_begin(world.db));
	bool ok = enrich_load(world.config, world.db, &run) && schema_renew_views(world.db);
	if (ok)
		assert_true(db_commit(world.db));
	else
		db_rollback(world.db);
	return ok;
}

void assert_load(void)
{
	if (!world_load())
		fail_msg("%s", world.said);
}

static void read_rows(struct db *d, const char *sql, struct buffer *to)
{
	sqlite3_stmt *s = db_prepare(d, sql);
	int row;

	assert_non_null(s);
	while ((row = db_row(d, s)) == 1) {
		if (to->size)
			assert_true(buffer_add_text(to, ";"));
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			const char *text = (const char *)sqlite3_column_text(s, i);

			assert_true(buffer_printf(to, "%s%s", i ? "|" : "", text ? text : "-"));
		}
	}
	assert_int_equal(row, 0);
}

void assert_rows(const char *sql, const char *rows)
{
	struct buffer is;

	buffer_open(&is, 1 << 20);
	read_rows(world.db, sql, &is);
	assert_string_equal(buffer_text(&is), rows);
	buffer_close(&is);
}

void assert_said(const char *text)
{
	if (!strstr(world.said, text))
		fail_msg("nobody said '%s', but: %s", text, world.said);
}
