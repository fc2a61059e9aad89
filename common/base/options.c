/* options.c -- the one table of settings. A new setting is a line here; config.c reads it from the command
 * line, the environment and the INI file, and prints it for --help and `qidflow config`. */
#include "config.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define MB     INT64_C(1000000)

const struct option options[] = {
    {"data", "QIDFLOW_DATA", OPTION_TEXT, "./qidflow-data", 0, 0, 0, 0,
	"folder of the database, the memory and the snapshots"},

    {"qualys.url", "QIDFLOW_QUALYS_URL", OPTION_TEXT, "", 0, 0, 0, 0,
	"the API's server, e.g. https://qualysapi.qualys.com (see your platform)"},
    {"qualys.username", "QIDFLOW_QUALYS_USERNAME", OPTION_TEXT, "", 0, 0, 0, 0, "user of the API"},
    {"qualys.password", "QIDFLOW_QUALYS_PASSWORD", OPTION_SECRET, "", 0, 0, 0, 0,
	"its password: by environment, file or prompt, never by argument"},
    {"qualys.password_file", "QIDFLOW_QUALYS_PASSWORD_FILE", OPTION_TEXT, "", 0, 0, 0, 0,
	"file that holds the password, readable by its owner only"},
    {"qualys.version.host_list", NULL, OPTION_TEXT, "5.0", 0, 0, 0, 0, "API version of Host List"},
    {"qualys.version.detections", NULL, OPTION_TEXT, "5.0", 0, 0, 0, 0, "API version of Host List Detection"},
    {"qualys.version.knowledge_base", NULL, OPTION_TEXT, "4.0", 0, 0, 0, 0,
	"API version of the KnowledgeBase"},
    {"qualys.parameters.host_list", NULL, OPTION_TEXT, "", 0, 0, 0, 0,
	"parameters to change, e.g. show_trurisk=&ag_ids=7; one without a value is left out"},
    {"qualys.parameters.detections", NULL, OPTION_TEXT, "", 0, 0, 0, 0, "the same for Host List Detection"},
    {"qualys.parameters.knowledge_base", NULL, OPTION_TEXT, "", 0, 0, 0, 0, "the same for the KnowledgeBase"},
    {"qualys.host_list.page", NULL, OPTION_NUMBER, "5000", 1, 1000000, 0, 0, "hosts a page of Host List"},
    {"qualys.knowledge_base.range", NULL, OPTION_NUMBER, "250000", 100, 1000000000, 0, 0,
	"QIDs a call of the KnowledgeBase"},
    {"qualys.calls_at_once", NULL, OPTION_NUMBER, "0", 0, 1000, 0, 0,
	"most calls at once of each API; 0: what the API tells, 2 where it does not. It can only lower what "
	"the API tells"},
    {"qualys.calls_per_window", NULL, OPTION_NUMBER, "0", 0, 1000000, 0, 0,
	"most calls a window of each API; 0: what the API tells"},
    {"qualys.window", NULL, OPTION_DURATION, "3600s", 1000, 7 * DAY, 0, 0, "length of that window"},
    {"qualys.timeout.connect", NULL, OPTION_DURATION, "30s", 100, HOUR, 0, 0, "for a connection to be made"},
    {"qualys.timeout.first_byte", NULL, OPTION_DURATION, "15m", 100, 4 * HOUR, 0, 0,
	"of silence before an answer's first byte"},
    {"qualys.timeout.silence", NULL, OPTION_DURATION, "2m", 100, 4 * HOUR, 0, 0,
	"of silence within an answer"},
    {"qualys.outage", NULL, OPTION_DURATION, "6h", 1000, 30 * DAY, 0, 0,
	"how long an API that is down is waited for before the run fails"},
    {"qualys.gzip", NULL, OPTION_BOOL, "yes", 0, 0, 0, 0, "ask for compressed answers"},
    {"qualys.ca_file", NULL, OPTION_TEXT, "", 0, 0, 0, 0, "certificates to trust instead of the system's"},
    {"qualys.proxy", NULL, OPTION_TEXT, "", 0, 0, 0, 0, "http://proxy:3128; empty: as the environment says"},
    {"qualys.allow_http", NULL, OPTION_BOOL, "no", 0, 0, 0, 0, "plain http to other machines than this one"},

    {"batch.hosts", NULL, OPTION_NUMBER, "300", 1, 5000, 0, 0, "hosts of the first batches"},
    {"batch.hosts.most", NULL, OPTION_NUMBER, "5000", 1, 5000, 0, 0, "hosts of any batch"},
    {"batch.time", NULL, OPTION_DURATION, "30s", 100, HOUR, 0, 0, "time that a call should take"},
    {"batch.bytes", NULL, OPTION_BYTES, "64MB", 100000, 100000 * MB, 0, 0, "XML that a call should bring"},
    {"batch.tries", NULL, OPTION_NUMBER, "3", 1, 100, 0, 0,
	"how often one host alone may break its answer before it is given up"},
    {"fetch.drain", NULL, OPTION_DURATION, "5m", 0, DAY, 0, 0,
	"how long a fetcher that is told to stop lets its calls go on before it gives the work back"},
    {"fetch.calls", NULL, OPTION_NUMBER, "10", 1, 100, 0, 0, "calls that one fetcher makes at once"},

    {"run.every", NULL, OPTION_DURATION, "0", 0, 365 * DAY, 0, 0,
	"a coordinator over Kafka stays, and begins a run each interval (--every); 0: one run"},
    {"run.full_every", NULL, OPTION_DURATION, "7d", 0, 365 * DAY, 0, 0,
	"a full run after so long: tags, TruRisk and QDS change without a scan"},
    {"run.overlap", NULL, OPTION_DURATION, "1h", 0, 30 * DAY, 0, 0,
	"how far a run reaches back before the last one's start"},

    {"load.rows", NULL, OPTION_NUMBER, "20000", 1, 10000000, 0, 0, "rows a transaction of the loader"},
    {"load.time", NULL, OPTION_DURATION, "5s", 10, 10 * MINUTE, 0, 0,
	"a transaction is not kept open for longer"},

    {"publish.formats", "QIDFLOW_PUBLISH_FORMATS", OPTION_CHOICES, "sqlite,csv,json", 0, 0,
	"sqlite csv json none", true, "what a snapshot holds"},
    {"publish.compression", NULL, OPTION_CHOICES, "gzip", 0, 0, "gzip zstd none", 0, "of CSV and JSON files"},
    {"publish.keep", NULL, OPTION_NUMBER, "3", 1, 10000, 0, 0, "snapshots that are kept"},
    {"publish.csv_guard", NULL, OPTION_BOOL, "no", 0, 0, 0, 0,
	"put ' before cells that a spreadsheet would run as a formula"},
    {"publish.sql", NULL, OPTION_TEXT, "", 0, 0, 0, 0,
	"file of SQL that is run on each snapshot before it is published: your views, tables, indexes"},

    {"enrich.*.file", NULL, OPTION_TEXT, "", 0, 0, 0, 0,
	"CSV file, plain or gzip, whose rows are joined to hosts or to vulnerabilities"},
    {"enrich.*.match", NULL, OPTION_CHOICES, "host_id", 0, 0,
	"host_id asset_id ip network dns dns_suffix netbios tag asset_group qid cve", false,
	"what its key column holds"},
    {"enrich.*.key", NULL, OPTION_TEXT, "", 0, 0, 0, 0, "name of the key column; empty: the first one"},
    {"enrich.*.columns", NULL, OPTION_TEXT, "", 0, 0, 0, 0,
	"columns to take, e.g. owner, team; each becomes NAME_column. Empty: all but the key"},
    {"enrich.*.several", NULL, OPTION_CHOICES, "first", 0, 0, "first all highest lowest", false,
	"where several rows match: the first of the file, all as a JSON list, or each column's highest or "
	"lowest"},

    {"due.severity1", NULL, OPTION_NUMBER, "0", 0, 36500, 0, 0,
	"days after first found that severity 1 is to be fixed in; 0: no limit. With any of [due], the view "
	"vulnerabilities has due and overdue"},
    {"due.severity2", NULL, OPTION_NUMBER, "0", 0, 36500, 0, 0, "the same for severity 2"},
    {"due.severity3", NULL, OPTION_NUMBER, "0", 0, 36500, 0, 0, "the same for severity 3"},
    {"due.severity4", NULL, OPTION_NUMBER, "0", 0, 36500, 0, 0, "the same for severity 4"},
    {"due.severity5", NULL, OPTION_NUMBER, "0", 0, 36500, 0, 0, "the same for severity 5"},
    {"due.earlier", NULL, OPTION_TEXT, "", 0, 0, 0, 0,
	"enriched columns with a date that is the limit where it is earlier, e.g. kev_dueDate"},

    {"distribute.*.type", NULL, OPTION_CHOICES, "directory", 0, 0, "directory s3 postgresql command", false,
	"where each published snapshot is sent"},

    {"topic.prefix", "QIDFLOW_TOPIC_PREFIX", OPTION_TEXT, "qidflow.", 0, 0, 0, 0,
	"before the names of topics and consumer groups"},
    {"topic.slots", NULL, OPTION_NUMBER, "32", 1, 1000, 0, 0, "partitions of the topic of batches"},
    {"topic.partitions", NULL, OPTION_NUMBER, "6", 1, 1000, 0, 0, "partitions of the topics of data"},
    {"topic.replication", NULL, OPTION_NUMBER, "0", 0, 100, 0, 0,
	"copies of each topic that is made; 0: the broker's default"},
    {"topic.retention", NULL, OPTION_DURATION, "7d", HOUR, 365 * DAY, 0, 0,
	"of batches, reports and dead letters, where the topic is made"},
    {"topic.tombstones", NULL, OPTION_DURATION, "7d", 1000, 365 * DAY, 0, 0,
	"how long the compacted topics keep a purge (delete.retention.ms), where the topic is made"},

    {"log.level", "QIDFLOW_LOG_LEVEL", OPTION_CHOICES, "info", 0, 0, "error warn info debug", 0,
	"what is told"},
    {"log.format", "QIDFLOW_LOG_FORMAT", OPTION_CHOICES, "text", 0, 0, "text json", 0,
	"lines for people or for programs"},

    {"debug.xml_chunk", NULL, OPTION_BYTES, "0", 0, 1000 * MB, 0, 0,
	"feed the parser so many bytes at a time; 0: as they come"},
    {"debug.crash_on_host", NULL, OPTION_NUMBER, "0", 0, INT64_MAX, 0, 0,
	"for tests: a fetcher ends by abort() when this host comes in an answer; 0: none"},

    {"kafka.bootstrap.servers", "QIDFLOW_KAFKA_BOOTSTRAP_SERVERS", OPTION_TEXT, "", 0, 0, 0, 0,
	"brokers that coordinator, fetchers and loader meet at, e.g. kafka1:9092,kafka2:9092. Any other "
	"kafka.* goes to librdkafka as it is, too"},
    {NULL, NULL, OPTION_TEXT, NULL, 0, 0, 0, 0, NULL},
};
