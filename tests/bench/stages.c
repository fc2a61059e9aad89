/* stages.c -- bench_stages: each stage of a run alone, over the same hosts, in one thread.
 *
 *   bench_stages stages XML FOLDER [STAGE]      all of them, or one: null xml pack unpack store csv json gzip
 *   bench_stages parts DATABASE FOLDER          what a snapshot is made of: vacuum csv json gzip
 *   bench_stages growth XML FOLDER SMALL LARGE  the store with so many rows in the database, in turn
 *
 * XML is an answer of the detection API, plain. A line is: stage, CPU seconds, bytes, rows. */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "arena.h"
#include "ceilings.h"
#include "db.h"
#include "record.h"
#include "stages.h"
#include "xalloc.h"
#include "xml_reader.h"

enum { PIECE = 64 * 1024, FLUSH_BYTES = CEILING_PART_BYTES * 3 / 4, RUN = 1 };

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_stages: %s\n", what);
	exit(1);
}

double cpu_s(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0, "no clock");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void tell(const char *stage, double seconds, uint64_t bytes, uint64_t rows)
{
	printf("%s %.6f %llu %llu\n", stage, seconds, (unsigned long long)bytes, (unsigned long long)rows);
	fflush(stdout);
}

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");

	must(f && fseek(f, 0, SEEK_END) == 0, "cannot read the XML");
	long size = ftell(f);
	must(size > 0 && fseek(f, 0, SEEK_SET) == 0, "cannot read the XML");
	char *data = xmalloc((size_t)size);
	must(fread(data, 1, (size_t)size, f) == (size_t)size, "cannot read the XML");
	fclose(f);
	*ret_size = (size_t)size;
	return data;
}

/* ---- libxml2 with handlers that do nothing */

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
    int n_namespaces, const xmlChar **namespaces, int n, int n_defaulted, const xmlChar **attributes)
{
	(void)arg, (void)name, (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces, (void)n;
	(void)n_defaulted, (void)attributes;
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	(void)arg, (void)name, (void)prefix, (void)uri;
}

static void on_text(void *arg, const xmlChar *s, int len)
{
	(void)arg, (void)s, (void)len;
}

static STAGE void stage_null(const char *xml, size_t size)
{
	static xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
	    .startElementNs = on_start,
	    .endElementNs = on_end,
	    .characters = on_text,
	    .ignorableWhitespace = on_text,
	    .cdataBlock = on_text};
	xmlParserCtxtPtr p = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);

	must(p != NULL, "no memory");
	xmlCtxtUseOptions(p, XML_PARSE_NONET | XML_PARSE_HUGE);
	for (size_t at = 0; at < size; at += PIECE)
		must(xmlParseChunk(p, xml + at, (int)(size - at < PIECE ? size - at : PIECE), 0) == 0,
		    "the XML is not well-formed");
	must(xmlParseChunk(p, NULL, 0, 1) == 0, "the XML ends early");
	xmlFreeParserCtxt(p);
}

/* ---- filter, libxml2, records */

static struct hosts hosts;

static bool count_detections(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	(void)root;
	*(uint64_t *)arg += ((Qidflow__V1__HostDetections *)m)->n_detection_list;
	return true;
}

static bool count_piece(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside)
{
	(void)inside;
	return count_detections(arg, root, m);
}

static bool keep_host(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;
	Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)m;

	(void)arg;
	(void)root;
	set.has_run = set.has_number = set.has_run_started_at = set.has_fetched_at = true;
	set.run = RUN;
	set.number = 1;
	set.run_started_at = set.fetched_at = 1764000000;
	h->set = &set;
	if ((hosts.n & (hosts.n - 1)) == 0)
		hosts.v = xrealloc(hosts.v, (hosts.n ? hosts.n * 2 : 1) * sizeof(*hosts.v));
	hosts.v[hosts.n].data = record_pack(m, &hosts.v[hosts.n].size);
	hosts.n++;
	hosts.detections += h->n_detection_list;
	h->set = NULL;
	return true;
}

/* Of a host that is handed out in pieces the last one is enough here. */
static bool drop_piece(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside)
{
	(void)arg;
	(void)root;
	(void)m;
	(void)inside;
	return true;
}

static const struct xml_root roots[] = {
    {"HOST", &qidflow__v1__host_detections__descriptor, "detection_list"}, {NULL, NULL, NULL}};

static inline void feed(struct xml_reader *r, const char *xml, size_t size)
{
	for (size_t at = 0; at < size; at += PIECE)
		must(xml_reader_feed(r, xml + at, size - at < PIECE ? size - at : PIECE),
		    "the XML is refused");
	must(xml_reader_finish(r), "the XML ends early");
}

static STAGE void stage_xml(struct xml_reader *r, const char *xml, size_t size)
{
	feed(r, xml, size);
}

static void read_xml(const char *xml, size_t size)
{
	static const struct xml_reader_ops ops = {count_detections, count_piece, NULL, NULL};
	uint64_t detections = 0;
	struct xml_reader *r = xml_reader_open(roots, FLUSH_BYTES, &ops, &detections);
	double began = cpu_s();

	stage_xml(r, xml, size);
	tell("xml", cpu_s() - began, size, detections);
	xml_reader_close(r);
}

static void keep_hosts(const char *xml, size_t size)
{
	static const struct xml_reader_ops ops = {keep_host, drop_piece, NULL, NULL};
	struct xml_reader *r = xml_reader_open(roots, FLUSH_BYTES, &ops, NULL);

	feed(r, xml, size);
	xml_reader_close(r);
}

/* ---- bytes of messages */

static STAGE void *stage_pack(const ProtobufCMessage *m, size_t *ret_size)
{
	return record_pack(m, ret_size);
}

static STAGE ProtobufCMessage *stage_unpack(struct arena *a, const struct packed_host *p)
{
	return record_unpack(a, &qidflow__v1__host_detections__descriptor, p->data, p->size);
}

static void pack_and_unpack(bool pack, bool unpack, size_t xml_bytes)
{
	struct arena *a = arena_open();
	double packing = 0, unpacking = 0;
	size_t size;

	for (size_t i = 0; i < hosts.n; i++) {
		arena_reset(a);
		double began = cpu_s();
		ProtobufCMessage *m = stage_unpack(a, &hosts.v[i]);
		must(m != NULL, "a host cannot be unpacked");
		double between = cpu_s();
		void *data = stage_pack(m, &size);
		double ended = cpu_s();
		must(size == hosts.v[i].size, "a host packs to another size");
		free(data);
		unpacking += between - began;
		packing += ended - between;
	}
	if (pack)
		tell("pack", packing, xml_bytes, hosts.detections);
	if (unpack)
		tell("unpack", unpacking, xml_bytes, hosts.detections);
	arena_close(a);
}

Qidflow__V1__HostDetections *host_of(
    struct arena *a, const struct packed_host *p, uint64_t round, uint64_t number)
{
	enum { APART = 100 * 1000 * 1000 };

	arena_reset(a);
	Qidflow__V1__HostDetections *h =
	    (void *)record_unpack(a, &qidflow__v1__host_detections__descriptor, p->data, p->size);
	must(h != NULL, "a host cannot be unpacked");
	h->id += round * APART;
	h->set->number = number;
	for (size_t i = 0; i < h->n_detection_list; i++)
		h->detection_list[i]->unique_vuln_id += round * APART;
	return h;
}

/* ---- */

static void run_stages(const char *path, const char *folder, const char *only)
{
	size_t size;
	char *xml = read_file(path, &size), *database = xasprintf("%s/stages.sqlite", folder);
	bool all = !only;

	if (all || !strcmp(only, "null")) {
		double began = cpu_s();
		stage_null(xml, size);
		tell("null", cpu_s() - began, size, 0);
	}
	if (all || !strcmp(only, "xml"))
		read_xml(xml, size);
	keep_hosts(xml, size);
	if (all || strstr(only, "pack"))
		pack_and_unpack(all || !strcmp(only, "pack"), all || !strcmp(only, "unpack"), size);
	if (all || !strcmp(only, "store") || !strcmp(only, "csv") || !strcmp(only, "json") ||
	    !strcmp(only, "gzip"))
		stages_store(&hosts, database);
	if (all || !strcmp(only, "csv") || !strcmp(only, "json") || !strcmp(only, "gzip"))
		stages_text(database);
	free(database);
	free(xml);
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "stages"))
		run_stages(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
	else if (argc == 4 && !strcmp(argv[1], "parts"))
		stages_parts(argv[2], argv[3]);
	else if (argc == 6 && !strcmp(argv[1], "growth")) {
		size_t size;
		char *xml = read_file(argv[2], &size);

		keep_hosts(xml, size);
		free(xml);
		stages_growth(&hosts, argv[3], strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
	} else
		must(false, "usage: see the head of stages.c");
	return 0;
}
