/* finding_facts.c -- what is found (QID, port …), how it stands (status, dates, scores) and the evidence. */
#include <math.h>
#include "maker.h"
#include "pool.h"
#include "shown.h"
#include "text_buffer.h"

#define UNKNOWN_QIDS 9000000U /* named by detections, not in the KnowledgeBase */

static uint32_t qid_of(const struct world *w, uint32_t pair)
{
	uint64_t chance = dice_mix2(w->seed, 41000000 + (uint64_t)pair);
	if (chance % 400 == 7)
		return UNKNOWN_QIDS + pair;
	double z = dice_fraction(dice_mix(chance));
	return world_qid(w, (uint32_t)(z * z * z * w->qids));
}

static void put_service(struct maker *m, struct fact *x, uint32_t n)
{
	static const unsigned ports[] = {443, 80, 22, 3389, 445, 8443, 135, 25, 161, 65535};
	uint32_t which = (dice_below(&m->d, 5) * 2 + n % 2) % 10; /* two of a pair differ */
	if (n % 2 == 0 && !dice_one_in(&m->d, 3))
		return;
	facts_number(m->f, x, "PORT", ports[which]);
	facts_word(m->f, x, "PROTOCOL", ports[which] == 161 ? "udp" : "tcp");
	if (dice_one_in(&m->d, 3))
		maker_text(m, x, "FQDN", "www.example.com");
}

struct pool_finding finding_make(struct facts *f, const struct world *w, uint32_t n)
{
	static const char *const types[] = {"Confirmed", "Confirmed", "Confirmed", "Potential", "Info"};
	struct pool_finding p = {.qid = qid_of(w, n / 2)};
	struct dice of_qid = dice_of(w->seed, 42000000 + (uint64_t)p.qid);
	uint32_t type = dice_below(&of_qid, 5), severity = 1 + dice_below(&of_qid, 5);
	struct maker m = {f, dice_of(w->seed, 43000000 + (uint64_t)n), w->odd};
	p.info = type == 4;
	p.facts = facts_group(f, NULL, "DETECTION");
	facts_number(f, p.facts, "QID", p.qid);
	facts_word(f, p.facts, "TYPE", types[type]);
	if (!p.info || !dice_one_in(&m.d, 4))
		maker_number(&m, p.facts, "SEVERITY", severity);
	put_service(&m, p.facts, n);
	if (!dice_one_in(&m.d, 10))
		maker_number(&m, p.facts, "SSL", dice_one_in(&m.d, 4));
	if (dice_one_in(&m.d, 9))
		maker_phrase(&m, p.facts, "INSTANCE", 2);
	return p;
}

static void put_hole(struct maker *m, struct fact *x, const char *name, enum fact_hole hole)
{
	struct fact *date = facts_date(m->f, x, name, 0);
	date->hole = hole;
}

static void put_qds(struct maker *m, struct fact *x)
{
	static const char *const factors[][2] = {{"RTI", "local"}, {"exploit_maturity", "weaponized,poc"},
	    {"CISA_vuln", "YES"}, {"CVSS", "7.8"}, {"CVSS_version", "v3.x"}, {"epss", "0.00052"},
	    {"CVSS_vector", "AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"}, {"malware_name", "<\"Emotet\"> & co"}};
	if (dice_one_in(&m->d, 4))
		return;
	uint32_t score = 1 + dice_below(&m->d, 100);
	struct fact *qds = maker_number(m, x, "QDS", score);
	qds->needs = SHOW_QDS;
	qds->attribute = "severity";
	qds->attribute_value = score >= 90   ? "CRITICAL"
			       : score >= 70 ? "HIGH"
			       : score >= 40 ? "MEDIUM"
					     : "LOW";
	if (!dice_one_in(&m->d, 5))
		return;
	struct fact *list = facts_group(m->f, x, "QDS_FACTORS");
	list->needs = SHOW_QDS_FACTORS;
	uint32_t count = dice_below(&m->d, 4) + (m->odd ? 0 : 1);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t which = dice_below(&m->d, 8);
		struct fact *factor = maker_text(m, list, "QDS_FACTOR", factors[which][1]);
		factor->repeats = true;
		factor->attribute = "name";
		factor->attribute_value =
		    m->odd && dice_one_in(&m->d, 40) ? "a \"b\" <c> & 'd'" : factors[which][0];
	}
}

static void put_history(struct maker *m, struct fact *x, enum slot_status status)
{
	put_hole(m, x, "LAST_TEST_DATETIME", HOLE_SCANNED);
	put_hole(m, x, "LAST_UPDATE_DATETIME", HOLE_PROCESSED);
	if (status == SLOT_FIXED || dice_one_in(&m->d, 12))
		maker_date(m, x, "LAST_FIXED_DATETIME", maker_old_time(m));
	if (status != SLOT_REOPENED && !dice_one_in(&m->d, 12))
		return;
	maker_date(m, x, "FIRST_REOPENED_DATETIME", maker_old_time(m))->needs = SHOW_REOPENED;
	maker_date(m, x, "LAST_REOPENED_DATETIME", maker_old_time(m))->needs = SHOW_REOPENED;
	maker_number(m, x, "TIMES_REOPENED", 1 + dice_below(&m->d, 9))->needs = SHOW_REOPENED;
}

static void put_flags(struct maker *m, struct fact *x, struct pool_tail *p)
{
	static const char *const names[] = {
	    "AFFECT_RUNNING_KERNEL", "AFFECT_RUNNING_SERVICE", "AFFECT_EXPLOITABLE_CONFIG"};
	p->ignored = dice_one_in(&m->d, 50);
	p->disabled = dice_one_in(&m->d, 80);
	facts_number(m->f, x, "IS_IGNORED", p->ignored);
	facts_number(m->f, x, "IS_DISABLED", p->disabled);
	for (int i = 0; i < 3; i++)
		if (dice_one_in(&m->d, 12))
			maker_number(m, x, names[i], dice_below(&m->d, 2))->needs = SHOW_ARF;
}

static void put_version_5(struct maker *m, struct fact *x)
{
	static const char *const names[] = {"LATEST_VULNERABILITY_DETECTION_SOURCE",
	    "VULNERABILITY_DETECTION_SOURCES", "MITRE_TACTIC_NAME", "MITRE_TECHNIQUE_NAME", "MITRE_TACTIC_ID",
	    "MITRE_TECHNIQUE_ID", "TRURISK_ELIMINATION_STATUS"};
	static const char *const values[] = {"Cloud Agent", "Cloud Agent,Internal Scanner",
	    "Initial Access;Execution", "Exploit Public-Facing Application", "TA0001;TA0002", "T1190",
	    "Mitigated"};
	for (int i = 0; i < 7; i++)
		if (dice_one_in(&m->d, i < 2 ? 4 : 16))
			maker_text(m, x, names[i], values[i])->needs = SHOW_V5;
}

/* Where all is recent more of them of late than long ago. */
static int64_t first_found(struct maker *m, const struct world *w)
{
	int64_t old_s = maker_old_time(m), age_s = old_s - MAKER_OLD_S;
	return w->recent_s ? w->recent_s - age_s * age_s / MAKER_OLD_SPAN_S : old_s;
}

struct pool_tail tail_make(struct facts *f, const struct world *w, enum slot_status status, uint32_t n)
{
	struct maker m = {f, dice_of(w->seed, 44000000 + (uint64_t)n * SLOT_STATUSES + status), w->odd};
	struct pool_tail p = {.facts = facts_group(f, NULL, "DETECTION")};
	facts_word(f, p.facts, "STATUS", slot_status_names[status]);
	maker_date(&m, p.facts, "FIRST_FOUND_DATETIME", first_found(&m, w));
	if (status == SLOT_FIXED)
		maker_date(&m, p.facts, "LAST_FOUND_DATETIME", maker_old_time(&m));
	else
		put_hole(&m, p.facts, "LAST_FOUND_DATETIME", HOLE_SCANNED);
	if (!dice_one_in(&m.d, 3))
		maker_word(&m, p.facts, "SOURCE", "QUALYS");
	put_qds(&m, p.facts);
	maker_number(&m, p.facts, "TIMES_FOUND", 1 + dice_below(&m.d, 900));
	put_history(&m, p.facts, status);
	if (dice_one_in(&m.d, 6))
		maker_text(&m, p.facts, "SERVICE", "http over \"ssl\"");
	put_flags(&m, p.facts, &p);
	put_hole(&m, p.facts, "LAST_PROCESSED_DATETIME", HOLE_PROCESSED);
	if (dice_one_in(&m.d, 9))
		maker_word(&m, p.facts, "ASSET_CVE", "CVE-2023-12345,CVE-2024-0001");
	if (dice_one_in(&m.d, 12))
		maker_text(&m, p.facts, "LINUX_HOSTNAME", "db\xc3\xa9-7");
	put_version_5(&m, p.facts);
	return p;
}

struct fact *results_make(struct facts *f, const struct world *w, uint32_t n)
{
	struct maker m = {f, dice_of(w->seed, 45000000 + (uint64_t)n), w->odd};
	if (dice_one_in(&m.d, 80))
		return NULL;
	return maker_text(&m, NULL, "RESULTS", text_results(f, &m.d, w->odd));
}

struct fact *results_make_big(struct facts *f, const struct world *w, size_t bytes)
{
	struct maker m = {f, dice_of(w->seed, 46000000), w->odd};
	struct text_buffer b = {0};
	struct facts *pieces = facts_open();
	while (b.length < bytes) {
		facts_reset(pieces);
		const char *piece = text_results(pieces, &m.d, w->odd);
		text_buffer_puts(&b, piece);
		text_buffer_put_byte(&b, '\n');
	}
	facts_close(pieces);
	while (b.length > bytes || (b.length && (unsigned char)b.bytes[b.length - 1] >= 0x80))
		b.length--;
	text_buffer_put_byte(&b, 0);
	struct fact *x = facts_text(f, NULL, "RESULTS", facts_copy(f, b.bytes, b.length - 1));
	x->seed = w->odd ? 4242 : 0;
	text_buffer_free(&b);
	return x;
}
