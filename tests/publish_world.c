/* publish_world.c -- a data folder with a database worth publishing: every kind of value, nasty texts, NULL beside the
 * empty text, a detection whose host or QID nobody knows, dead letters, and something for each of analyst.sql. */
#include "publish_world.h"
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "schema.h"

struct publish_world pub;

static const char *const fill[] = {
    "INSERT INTO Q_KnowledgeBase(QID, TITLE, SEVERITY_LEVEL, PATCHABLE, CVE_LIST, CVSS, CVSS_V3) VALUES"
    "(38000, 'Log4Shell, \"remote\"', 5, 1, "
    "'{\"CVE\":[{\"ID\":\"CVE-2021-44228\",\"URL\":\"u\"},{\"ID\":\"CVE-2\"}]}',"
    " '{\"BASE\":{\"VALUE\":\"9.3\"}}', '{\"BASE\":{\"VALUE\":\"10.0\"}}'),"
    "(38001, '', 3, 0, NULL, NULL, '{\"BASE\":{\"VALUE\":\"-\"}}'), (38002, NULL, NULL, NULL, '{}', NULL, "
    "NULL)",

    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)"
    " INSERT INTO Q_Host_List(ID, IP, DNS, OS, TAGS, DNS_DATA, COMMENTS, TRURISK_SCORE, "
    "LAST_VULN_SCAN_DATETIME)"
    " SELECT i, '10.0.0.' || i, iif(i % 3, 'h' || i || '.example', NULL), iif(i % 4, 'Linux', ''),"
    " iif(i % 2, '{\"TAG\":[{\"TAG_ID\":\"7\",\"NAME\":\"R\xc3\xa9gion \\\"Ouest\\\"\"},{\"NAME\":\"a, "
    "b\"}]}', NULL),"
    " '{\"HOSTNAME\":\"h' || i || '\"}', char(9) || ' a' || char(13, 10) || '\"b\",' || char(128274), i * 10,"
    " iif(i % 5, '2020-01-02 03:04:05', NULL) FROM n",

    "INSERT INTO Q_Host_List_Detection_HOSTS(ID, IP, DNS, OS, TRACKING_METHOD)"
    " SELECT ID, IP, DNS, nullif(OS, ''), 'IP' FROM Q_Host_List WHERE ID < ?1",

    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)"
    " INSERT INTO Q_Host_List_Detection_QIDS(detection_row, detection_key, ID, QID, TYPE, SEVERITY, STATUS, "
    "PORT, QDS,"
    " QDS_FACTORS, FQDN, INSTANCE, FIRST_FOUND_DATETIME, LAST_FOUND_DATETIME, LAST_FIXED_DATETIME, RESULTS)"
    " SELECT (h.ID << 20) | i, h.ID * 1000 + i, h.ID, 38000 + i % 4, 'Confirmed', nullif(i % 6, 0),"
    " CASE i % 5 WHEN 0 THEN 'New' WHEN 2 THEN 'Re-Opened' WHEN 3 THEN 'Fixed' ELSE 'Active' END,"
    " iif(i % 2, 443, NULL), iif(i % 3, 95, NULL), iif(i % 3, "
    "'{\"QDS_FACTOR\":[{\"NAME\":\"a\\nb\",\"VALUE\":\"1\"}]}', NULL),"
    " iif(i % 2, '', NULL), iif(i % 5, NULL, '=1+1'), '2020-01-02 03:04:05', '2026-11-01 00:00:00',"
    " iif(i % 5 = 3, '2020-02-02 03:04:05', NULL),"
    " CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '+1,\"2\"' || char(10) || '  x ' WHEN 3 THEN"
    " char(1, 9, 13, 92, 34, 65533) WHEN 4 THEN '-' || replace(hex(zeroblob(3000)), '00', 'ab\"') ELSE "
    "'plain' END"
    " FROM Q_Host_List_Detection_HOSTS AS h, n",

    "INSERT INTO Q_Host_List_Detection_QIDS(detection_row, detection_key, ID, QID, STATUS) VALUES(1, 1, "
    "9999999999, 77, 'New')",
    "INSERT INTO qidflow_dead_letter(host, run, attempts, error, held_back) VALUES(4, 1, 3, 'broke', 0), (5, "
    "1, 3, 'x', 0)",
    "INSERT INTO qidflow_run(run, state, \"full\", started_at, ended_at, detections) VALUES"
    "(1, 'COMPLETE', 1, '2026-11-24 03:00:00', '2026-11-24 03:10:00', 291), (2, 'FAILED', 0, '2026-11-24 "
    "04:00:00', NULL, 0)",
    "INSERT INTO Q_Host_List_Status VALUES('ALL_TABLES_LOADED_SUCCESSFULLY', '{}', 7, '2026-11-24 03:10:00')",
    "INSERT INTO Q_Host_List_Detection_Status VALUES('ALL_TABLES_LOADED_SUCCESSFULLY', '{}', 7, '2026-11-24 "
    "03:10:00')",
    "INSERT INTO Q_KnowledgeBase_Status VALUES('ALL_TABLES_LOADED_SUCCESSFULLY', '{}', 7, '2026-11-24 "
    "03:10:00')",
    "INSERT INTO qidflow_host(id, seq) SELECT ID, ID FROM Q_Host_List",
    "INSERT INTO qidflow_position VALUES('s', 'detections', 0, 12)",
};

static void hear(void *arg, const char *line, unsigned size)
{
	size_t used = strlen(pub.said);

	(void)arg;
	if (used + size + 1 > sizeof(pub.said))
		used = 0;
	snprintf(pub.said + used, sizeof(pub.said) - used, "%.*s", (int)size, line);
}

void publish_world_set(const char *name, const char *value)
{
	assert_true(config_set(pub.config, name, value, "test"));
}

int publish_world_open(void **state)
{
	char path[128];

	(void)state;
	memset(&pub, 0, sizeof(pub));
	memcpy(pub.data, "/tmp/qidflow-publish-XXXXXX", 28);
	assert_non_null(mkdtemp(pub.data));
	log_set_writer(hear, NULL);
	pub.config = config_open();
	publish_world_set("data", pub.data);
	snprintf(path, sizeof(path), "%s/qidflow.sqlite", pub.data);
	pub.db = db_open(path, DB_WRITE, SCHEMA_PAGE_SIZE);
	assert_non_null(pub.db);
	assert_true(schema_open(pub.db) && db_begin(pub.db));
	for (size_t i = 0; i < sizeof(fill) / sizeof(fill[0]); i++) {
		sqlite3_stmt *s = db_prepare(pub.db, fill[i]);

		assert_non_null(s);
		sqlite3_bind_int(s, 1, WORLD_HOSTS);
		sqlite3_bind_int(s, 2, WORLD_PER_HOST);
		assert_true(db_step(pub.db, s));
	}
	assert_true(db_commit(pub.db));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int publish_world_close(void **state)
{
	(void)state;
	log_set_writer(NULL, NULL);
	db_close(pub.db);
	config_close(pub.config);
	return nftw(pub.data, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

bool publish_world_run(int64_t started_at, char ret_name[static PUBLISH_NAME])
{
	Qidflow__V1__RunStatus complete = QIDFLOW__V1__RUN_STATUS__INIT;

	complete.state = QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE;
	complete.run = 1;
	complete.has_started_at = 1;
	complete.started_at = started_at;
	return publish_run(pub.config, pub.db, &complete, pub.may, NULL, ret_name, pub.refused);
}

void assert_published(const char *name)
{
	char is[PUBLISH_NAME];

	if (!publish_world_run(WORLD_STARTED, is))
		fail_msg("%s", pub.said);
	assert_string_equal(is, name);
}

bool is_there(const char *path)
{
	struct stat st;
	char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", pub.data, path);
	return lstat(whole, &st) == 0;
}

void assert_latest(const char *name)
{
	char path[128], target[PUBLISH_NAME] = "";

	snprintf(path, sizeof(path), "%s/publish/latest", pub.data);
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, name);
}

void assert_said(const char *text)
{
	if (!strstr(pub.said, text))
		fail_msg("nobody said '%s', but: %s", text, pub.said);
}

int64_t ask(const char *database, const char *sql)
{
	char path[512];
	int64_t n;

	snprintf(path, sizeof(path), "%s/%s", pub.data, database);
	struct db *d = db_open(path, DB_READ, 0);
	assert_non_null(d);
	assert_true(db_int(d, &n, sql));
	db_close(d);
	return n;
}

void assert_checked(const char *folder, const char *more, const char *value)
{
	char path[512];
	int status;

	snprintf(path, sizeof(path), "%s/%s", pub.data, folder);
	pid_t pid = fork();
	if (pid == 0) {
		/* What it prints belongs to the test's own output. */
		execlp("python3", "python3", "-B", TESTS_DIR "/publish_check.py", path, more, value,
		    (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("publish_check.py of %s", path);
}

pid_t begin_beside(bool (*act)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(act() ? 0 : 1);
	assert_true(pid > 0);
	return pid;
}

bool end_beside(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
