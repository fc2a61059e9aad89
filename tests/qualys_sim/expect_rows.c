/* expect_rows.c -- facts to columns. A missing element is NULL; of an empty one the text is '' and a number or date NULL;
 * a number or date that is none is NULL; nested elements are JSON; a list without items is as if it were not there. */
#include <stdio.h>
#include <stdlib.h>
#include "expect.h"
#include "json_facts.h"

const char *const expect_host_list[] = {"#ID", "#ASSET_ID", "IP", "IPV6", "TRACKING_METHOD", "#NETWORK_ID",
    "DNS", "DNS_DATA", "OS_HOSTNAME", "CLOUD_PROVIDER", "CLOUD_SERVICE", "CLOUD_RESOURCE_ID",
    "EC2_INSTANCE_ID", "NETBIOS", "OS", "QG_HOSTID", "TAGS", "METADATA", "CLOUD_PROVIDER_TAGS",
    "LAST_VULN_SCAN_DATETIME", "LAST_VM_SCANNED_DATE", "#LAST_VM_SCANNED_DURATION",
    "LAST_VM_AUTH_SCANNED_DATE", "#LAST_VM_AUTH_SCANNED_DURATION", "LAST_COMPLIANCE_SCAN_DATETIME",
    "PC_AUTH_SUCCESS_DATE", "OWNER", "COMMENTS", "USER_DEF", "ASSET_GROUP_IDS", "#ASSET_RISK_SCORE",
    "#TRURISK_SCORE", "#ASSET_CRITICALITY_SCORE", "ARS_FACTORS", "TRURISK_SCORE_FACTORS",
    "LAST_SCAP_SCAN_DATETIME", "LAST_BOOT", "SERIAL_NUMBER", "HARDWARE_UUID", "FIRST_FOUND_DATE",
    "LAST_ACTIVITY", "AGENT_STATUS", "CLOUD_AGENT_RUNNING_ON", "AGENT_ACTIVATION_TITLE",
    "AGENT_ACTIVATION_KEY", "VM_AUTH_INSUFFICIENT_PRIVILEGE", NULL};
const char *const expect_hosts[] = {"#ID", "#ASSET_ID", "IP", "IPV6", "TRACKING_METHOD", "#NETWORK_ID",
    "NETWORK_NAME", "OS", "OS_CPE", "DNS", "DNS_DATA", "OS_HOSTNAME", "CLOUD_PROVIDER", "CLOUD_SERVICE",
    "CLOUD_RESOURCE_ID", "EC2_INSTANCE_ID", "NETBIOS", "QG_HOSTID", "LAST_SCAN_DATETIME",
    "LAST_VM_SCANNED_DATE", "#LAST_VM_SCANNED_DURATION", "LAST_VM_AUTH_SCANNED_DATE",
    "#LAST_VM_AUTH_SCANNED_DURATION", "LAST_PC_SCANNED_DATE", "TAGS", "METADATA", "CLOUD_PROVIDER_TAGS",
    NULL};
const char *const expect_qids[] = {"#ID", "#ASSET_ID", "#UNIQUE_VULN_ID", "#QID", "TYPE", "#SEVERITY",
    "#PORT", "PROTOCOL", "FQDN", "#SSL", "INSTANCE", "STATUS", "FIRST_FOUND_DATETIME", "LAST_FOUND_DATETIME",
    "#QDS", "QDS_SEVERITY", "QDS_FACTORS", "#TIMES_FOUND", "LAST_TEST_DATETIME", "LAST_UPDATE_DATETIME",
    "LAST_FIXED_DATETIME", "FIRST_REOPENED_DATETIME", "LAST_REOPENED_DATETIME", "#TIMES_REOPENED", "SERVICE",
    "#IS_IGNORED", "#IS_DISABLED", "#AFFECT_RUNNING_KERNEL", "#AFFECT_RUNNING_SERVICE",
    "#AFFECT_EXPLOITABLE_CONFIG", "LAST_PROCESSED_DATETIME", "ASSET_CVE", "RESULTS", "LINUX_HOSTNAME",
    "SOURCE", "MITRE_TACTIC_NAME", "MITRE_TECHNIQUE_NAME", "MITRE_TACTIC_ID", "MITRE_TECHNIQUE_ID",
    "LATEST_VULNERABILITY_DETECTION_SOURCE", "VULNERABILITY_DETECTION_SOURCES", "TRURISK_ELIMINATION_STATUS",
    NULL};
const char *const expect_vulns[] = {"#QID", "TITLE", "VULN_TYPE", "#SEVERITY_LEVEL", "CATEGORY",
    "DETECTION_INFO", "LAST_CUSTOMIZATION", "LAST_SERVICE_MODIFICATION_DATETIME", "PUBLISHED_DATETIME",
    "CODE_MODIFIED_DATETIME", "PATCH_PUBLISHED_DATE", "TECHNOLOGY", "BUGTRAQ_LIST", "#PATCHABLE",
    "SOFTWARE_LIST", "VENDOR_REFERENCE_LIST", "CVE_LIST", "DIAGNOSIS", "DIAGNOSIS_COMMENT", "CONSEQUENCE",
    "CONSEQUENCE_COMMENT", "SOLUTION", "SOLUTION_COMMENT", "COMPLIANCE_LIST", "CORRELATION", "CVSS",
    "CVSS_V3", "CVSS_V4", "#PCI_FLAG", "#AUTOMATIC_PCI_FAIL", "PCI_REASONS", "THREAT_INTELLIGENCE",
    "SUPPORTED_MODULES", "DISCOVERY", "#IS_DISABLED", "CHANGE_LOG_LIST", NULL};

bool expect_table_open(struct expect_table *t, sqlite3 *db)
{
	struct text_buffer create = {0}, insert = {0};
	text_buffer_printf(&create, "CREATE TABLE %s(", t->name);
	text_buffer_printf(&insert, "INSERT INTO %s VALUES(", t->name);
	for (t->count = 0; t->columns[t->count]; t->count++) {
		const char *name = t->columns[t->count];
		text_buffer_printf(&create, "%s\"%s\" %s", t->count ? "," : "",
		    *name == '#' ? name + 1 : name, *name == '#' ? "INTEGER" : "TEXT");
		text_buffer_puts(&insert, t->count ? ",?" : "?");
	}
	text_buffer_put(&create, ")", 2);
	text_buffer_put(&insert, ")", 2);
	bool good = sqlite3_exec(db, create.bytes, NULL, NULL, NULL) == SQLITE_OK &&
		    sqlite3_prepare_v2(db, insert.bytes, -1, &t->insert, NULL) == SQLITE_OK;
	text_buffer_free(&create);
	text_buffer_free(&insert);
	return good;
}

void expect_table_close(struct expect_table *t)
{
	sqlite3_finalize(t->insert);
	text_buffer_free(&t->json);
}

int expect_column(struct expect_table *t, const char *name, size_t length)
{
	for (int i = 0; i < t->count; i++) {
		int at = (t->hint + i) % t->count; /* facts come in the order of columns */
		const char *column = t->columns[at] + (t->columns[at][0] == '#');
		if (strncmp(column, name, length) == 0 && column[length] == 0) {
			t->hint = at + 1;
			return at;
		}
	}
	fprintf(stderr, "qualys_sim: no column %s.%.*s\n", t->name, (int)length, name);
	abort();
}

void expect_write_date(const char written[FACTS_DATE_BYTES], char ret_text[20])
{
	memcpy(ret_text, written, 19);
	ret_text[10] = ' ';
	ret_text[19] = 0;
}

static struct expect_cell cell_of(
    struct expect_table *t, struct facts *f, const struct fact *x, unsigned shown)
{
	struct expect_cell c = {.column = expect_column(t, x->name, strlen(x->name)),
	    .type = CELL_TEXT,
	    .text = x->text,
	    .length = (int)x->length};
	if (x->nothing || (x->kind == FACT_GROUP && !x->children)) {
		c.type = CELL_NULL;
	} else if (x->hole) {
		c.type = CELL_HOLE;
		c.number = x->hole;
	} else if (x->kind == FACT_NUMBER) {
		c.type = CELL_INTEGER;
		c.number = strtoll(x->text, NULL, 10);
	} else if (x->kind == FACT_DATE) {
		char date[20];
		expect_write_date(x->text, date);
		c.text = facts_copy(f, date, 19);
		c.length = 19;
	} else if (x->kind == FACT_GROUP) {
		t->json.length = 0;
		json_put_fact(&t->json, x, shown);
		c.text = facts_copy(f, t->json.bytes, t->json.length);
		c.length = (int)t->json.length;
	}
	return c;
}

static struct expect_cell attribute_of(struct expect_table *t, struct facts *f, const struct fact *x)
{
	const char *name =
	    facts_printf(f, "%s_%s", x->name, "SEVERITY"); /* QDS has the only one at this level */
	return (struct expect_cell){.column = expect_column(t, name, strlen(name)),
	    .type = CELL_TEXT,
	    .text = x->attribute_value,
	    .length = (int)strlen(x->attribute_value)};
}

struct expect_cell *expect_make_cells(
    struct expect_table *t, struct facts *f, const struct fact *group, unsigned shown)
{
	size_t count = 1;
	for (const struct fact *x = group->children; x; x = x->next)
		count += x->attribute ? 2 : 1;
	struct expect_cell *cells = facts_alloc(f, count * sizeof(*cells)), *c = cells;
	for (const struct fact *x = group->children; x; x = x->next) {
		if (x->needs & ~shown)
			continue;
		*c++ = cell_of(t, f, x, shown);
		if (x->attribute)
			*c++ = attribute_of(t, f, x);
	}
	c->column = -1;
	return cells;
}

void expect_bind_cells(struct expect_table *t, const struct expect_cell *c)
{
	for (; c->column >= 0; c++)
		if (c->type == CELL_TEXT)
			sqlite3_bind_text(t->insert, c->column + 1, c->text, c->length, SQLITE_STATIC);
		else if (c->type == CELL_INTEGER)
			sqlite3_bind_int64(t->insert, c->column + 1, c->number);
}

bool expect_insert(struct expect_table *t)
{
	bool good = sqlite3_step(t->insert) == SQLITE_DONE;
	sqlite3_reset(t->insert);
	sqlite3_clear_bindings(t->insert);
	return good;
}
