/* bare.c -- the least that a pipeline of the same parts can do: libcurl, libxml2 (push, SAX2, names dispatched by their
 * interned pointers), protobuf-c, a queue, a second thread, SQLite in WAL with synchronous=FULL.
 *
 * It is what `qidflow run` is measured against, so it has none of what makes a pipeline one to rely on: it repairs and
 * checks nothing, follows no page, keeps no position, splits no host, knows the fields of hosts and detections alone and
 * ends at the first error. Usage: bare URL USER:PASSWORD DATABASE [gzip]; prints the bytes of XML and the detections. */
#include <curl/curl.h>
#include <isa-l/igzip_lib.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qidflow/v1/records.pb-c.h"

enum { PIECE = 64 * 1024, CURL_BYTES = 256 * 1024, ARENA = 256 << 20, COMMIT_BYTES = 5 * 1000 * 1000 };
enum { QUEUE = 256, NAMES = 512, DETECTIONS_MOST = 1 << 20 };
#define AT(type, m, offset) (*(type *)(void *)((char *)(m) + (offset)))
typedef const ProtobufCFieldDescriptor record_field;

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bare: %s\n", what);
		exit(1);
	}
}

/* ---- memory of one host, untouched until it is used */

struct memory {
	char *data;
	size_t used;
};

static void *take(struct memory *m, size_t size)
{
	void *p = m->data + m->used;
	m->used += (size + 15) & ~(size_t)15;
	must(m->used <= ARENA, "a host is too big");
	return p;
}

static void memory_open(struct memory *m)
{
	*m = (struct memory){.data = malloc(ARENA)};
	must(m->data != NULL, "no memory");
}

/* ---- queue of packed hosts */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t come, gone;
	struct packed {
		uint8_t *data;
		size_t size;
	} v[QUEUE];
	size_t first, n;
	bool ended;
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER, .gone = PTHREAD_COND_INITIALIZER};

static void queue_put(struct packed p)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.n == QUEUE)
		pthread_cond_wait(&queue.gone, &queue.lock);
	queue.v[(queue.first + queue.n++) % QUEUE] = p;
	queue.ended = !p.data;
	pthread_cond_signal(&queue.come);
	pthread_mutex_unlock(&queue.lock);
}

static struct packed queue_take(void)
{
	pthread_mutex_lock(&queue.lock);
	while (!queue.n)
		pthread_cond_wait(&queue.come, &queue.lock);
	struct packed p = queue.v[queue.first++ % QUEUE];
	queue.n--;
	pthread_cond_signal(&queue.gone);
	pthread_mutex_unlock(&queue.lock);
	return p;
}

/* ---- XML to hosts */

static struct {
	xmlParserCtxtPtr xml;
	struct memory memory;
	Qidflow__V1__HostDetections *host;
	Qidflow__V1__Detection *detection, **list;
	struct name { /* by the name's pointer and the message it is in */
		const xmlChar *name;
		bool in_detection;
		record_field *field;
	} names[NAMES];
	record_field *field; /* of the open element */
	char *text;
	size_t text_size, bytes;
} in;

static record_field *field_of(const xmlChar *name, bool in_detection)
{
	const ProtobufCMessageDescriptor *type =
	    in_detection ? &qidflow__v1__detection__descriptor : &qidflow__v1__host_detections__descriptor;
	size_t i = ((uintptr_t)name >> 3 ^ (uintptr_t)name >> 12 ^ in_detection) % NAMES;

	while (in.names[i].name && (in.names[i].name != name || in.names[i].in_detection != in_detection))
		i = (i + 1) % NAMES;
	if (!in.names[i].name) {
		in.names[i] = (struct name){name, in_detection, NULL};
		for (unsigned k = 0; k < type->n_fields; k++)
			if (!strcasecmp(type->fields[k].name, (const char *)name) &&
			    type->fields[k].type != PROTOBUF_C_TYPE_MESSAGE)
				in.names[i].field = &type->fields[k];
	}
	return in.names[i].field;
}

static void open_host(void)
{
	in.memory.used = 0;
	in.host = take(&in.memory, sizeof(*in.host));
	qidflow__v1__host_detections__init(in.host);
	in.host->detection_list = in.list;
}

static void open_detection(void)
{
	in.detection = take(&in.memory, sizeof(*in.detection));
	qidflow__v1__detection__init(in.detection);
	must(in.host->n_detection_list < DETECTIONS_MOST, "too many detections");
	in.list[in.host->n_detection_list++] = in.detection;
}

static void close_host(void)
{
	struct packed p = {.size = protobuf_c_message_get_packed_size(&in.host->base)};

	p.data = malloc(p.size);
	must(p.data != NULL, "no memory");
	protobuf_c_message_pack(&in.host->base, p.data);
	queue_put(p);
	in.host = NULL;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
    int n_namespaces, const xmlChar **namespaces, int n, int n_defaulted, const xmlChar **attributes)
{
	static const xmlChar *host, *detection;

	(void)arg, (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces, (void)n, (void)n_defaulted;
	(void)attributes;
	if (!host) {
		host = xmlDictLookup(in.xml->dict, (const xmlChar *)"HOST", -1);
		detection = xmlDictLookup(in.xml->dict, (const xmlChar *)"DETECTION", -1);
	}
	in.field = NULL;
	if (name == host)
		open_host();
	else if (name == detection)
		open_detection();
	else if (in.host)
		in.field = field_of(name, in.detection != NULL);
	if (in.field) {
		in.text = in.memory.data + in.memory.used;
		in.text_size = 0;
	}
}

static void on_text(void *arg, const xmlChar *s, int len)
{
	(void)arg;
	if (!in.field)
		return;
	must(in.memory.used + in.text_size + (size_t)len < ARENA, "a host is too big");
	memcpy(in.text + in.text_size, s, (size_t)len);
	in.text_size += (size_t)len;
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	ProtobufCMessage *m = in.detection ? &in.detection->base : &in.host->base;

	(void)arg, (void)prefix, (void)uri;
	if (in.field && in.field->type == PROTOBUF_C_TYPE_STRING) {
		in.text[in.text_size] = '\0';
		AT(char *, m, in.field->offset) = take(&in.memory, in.text_size + 1);
	} else if (in.field) {
		uint64_t n = 0;

		for (size_t i = 0; i < in.text_size; i++)
			n = n * 10 + (uint64_t)(in.text[i] - '0');
		AT(uint64_t, m, in.field->offset) = n;
		AT(protobuf_c_boolean, m, in.field->quantifier_offset) = 1;
	} else if (in.host && !strcmp((const char *)name, "DETECTION")) {
		in.detection = NULL;
	} else if (in.host && !strcmp((const char *)name, "HOST")) {
		close_host();
	}
	in.field = NULL;
}

static void parse(const char *data, size_t size)
{
	in.bytes += size;
	for (size_t n; size; data += n, size -= n) {
		n = size < PIECE ? size : PIECE;
		must(xmlParseChunk(in.xml, data, (int)n, 0) == 0, "not well-formed");
	}
}

static void reader_open(void)
{
	static xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
	    .startElementNs = on_start,
	    .endElementNs = on_end,
	    .characters = on_text,
	    .ignorableWhitespace = on_text,
	    .cdataBlock = on_text};

	memory_open(&in.memory);
	in.list = malloc(DETECTIONS_MOST * sizeof(Qidflow__V1__Detection *));
	in.xml = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);
	must(in.list && in.xml, "no memory");
	xmlCtxtUseOptions(in.xml, XML_PARSE_NONET | XML_PARSE_HUGE);
}

/* ---- HTTP */

static size_t on_plain(char *data, size_t size, size_t n, void *arg)
{
	(void)arg;
	parse(data, size * n);
	return size * n;
}

static size_t on_gzip(char *data, size_t size, size_t n, void *arg)
{
	static uint8_t out[PIECE];
	struct inflate_state *z = arg;

	z->next_in = (uint8_t *)data;
	z->avail_in = (uint32_t)(size * n);
	do {
		z->next_out = out;
		z->avail_out = PIECE;
		must(isal_inflate(z) == ISAL_DECOMP_OK, "corrupt gzip");
		parse((const char *)out, PIECE - z->avail_out);
	} while (z->avail_in || !z->avail_out);
	return size * n;
}

static void fetch(const char *url, const char *user, bool gzip)
{
	static struct inflate_state z;
	struct curl_slist *headers = curl_slist_append(NULL, "X-Requested-With: bare");
	CURL *e = curl_easy_init();
	long status = 0;

	isal_inflate_init(&z);
	z.crc_flag = ISAL_GZIP;
	if (gzip)
		headers = curl_slist_append(headers, "Accept-Encoding: gzip");
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_USERPWD, user);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS,
	    "action=list&truncation_limit=0&status=New,Active,Re-Opened,Fixed&show_igs=1&show_results=1"
	    "&show_reopened_info=1&show_qds=1&show_qds_factors=1&show_asset_id=1&arf_kernel_filter=1"
	    "&include_ignored=1&include_disabled=1");
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)CURL_BYTES);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, gzip ? on_gzip : on_plain);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, &z);
	must(curl_easy_perform(e) == CURLE_OK, "the call failed");
	must(curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200, "refused");
	xmlParseChunk(in.xml, NULL, 0, 1);
}

/* ---- SQLite */

static struct {
	sqlite3 *db;
	sqlite3_stmt *insert;
	size_t detections, bytes;
} out;

static void sql(const char *text)
{
	must(sqlite3_exec(out.db, text, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(out.db));
}

static void append(char *to, size_t room, const char *text)
{
	size_t n = strlen(to);

	must((size_t)snprintf(to + n, room - n, "%s", text) < room - n, "too many columns");
}

static void writer_open(const char *path)
{
	const ProtobufCMessageDescriptor *type = &qidflow__v1__detection__descriptor;
	char create[8192] = "CREATE TABLE detections(host INTEGER",
	     insert[8192] = "INSERT INTO detections VALUES(?";

	for (unsigned i = 0; i < type->n_fields; i++) {
		append(create, sizeof(create), ", \"");
		append(create, sizeof(create), type->fields[i].name);
		append(create, sizeof(create),
		    type->fields[i].type == PROTOBUF_C_TYPE_UINT64 ? "\" INTEGER" : "\" TEXT");
		append(insert, sizeof(insert), ",?");
	}
	append(create, sizeof(create), ")");
	append(insert, sizeof(insert), ")");
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	must(sqlite3_open_v2(path, &out.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		 NULL) == SQLITE_OK,
	    "cannot open the database");
	sql("PRAGMA page_size = 32768; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "PRAGMA wal_autocheckpoint = 512; PRAGMA cache_size = -8000");
	sql(create);
	must(
	    sqlite3_prepare_v3(out.db, insert, -1, SQLITE_PREPARE_PERSISTENT, &out.insert, NULL) == SQLITE_OK,
	    sqlite3_errmsg(out.db));
	sql("BEGIN");
}

static void write_detection(uint64_t host, const Qidflow__V1__Detection *d)
{
	sqlite3_bind_int64(out.insert, 1, (int64_t)host);
	for (unsigned i = 0; i < d->base.descriptor->n_fields; i++) {
		record_field *f = &d->base.descriptor->fields[i];
		int to = (int)i + 2;

		if (f->type == PROTOBUF_C_TYPE_STRING)
			sqlite3_bind_text(out.insert, to, AT(char *, d, f->offset), -1, SQLITE_STATIC);
		else if (f->type == PROTOBUF_C_TYPE_UINT64 && AT(protobuf_c_boolean, d, f->quantifier_offset))
			sqlite3_bind_int64(out.insert, to, (int64_t)AT(uint64_t, d, f->offset));
		else
			sqlite3_bind_null(out.insert, to);
	}
	must(sqlite3_step(out.insert) == SQLITE_DONE, sqlite3_errmsg(out.db));
	sqlite3_reset(out.insert);
	out.detections++;
}

static void *allocate(void *arg, size_t size)
{
	return take(arg, size);
}
static void release(void *arg, void *p)
{
	(void)arg, (void)p;
}

static void *write_all(void *arg)
{
	struct memory memory;
	ProtobufCAllocator allocator = {allocate, release, &memory};
	struct packed p;

	memory_open(&memory);
	writer_open(arg);
	while ((p = queue_take()).data) {
		memory.used = 0;
		Qidflow__V1__HostDetections *h =
		    qidflow__v1__host_detections__unpack(&allocator, p.size, p.data);
		must(h != NULL, "cannot be unpacked");
		for (size_t i = 0; i < h->n_detection_list; i++)
			write_detection(h->id, h->detection_list[i]);
		out.bytes += p.size;
		if (out.bytes > COMMIT_BYTES) {
			sql("COMMIT; BEGIN");
			out.bytes = 0;
		}
		free(p.data);
	}
	sql("COMMIT");
	sqlite3_finalize(out.insert);
	must(sqlite3_close(out.db) == SQLITE_OK, "cannot close the database");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t writer;

	must(argc >= 4, "usage: bare URL USER:PASSWORD DATABASE [gzip]");
	curl_global_init(CURL_GLOBAL_ALL);
	reader_open();
	must(pthread_create(&writer, NULL, write_all, argv[3]) == 0, "cannot start a thread");
	fetch(argv[1], argv[2], argc > 4);
	queue_put((struct packed){0});
	pthread_join(writer, NULL);
	return printf("%zu %zu\n", in.bytes, out.detections) < 0;
}
