/* vuln_nested.c -- the nested facts of a QID. */
#include "vuln_facts.h"
#include "shown.h"

void vuln_put_words(struct maker *m, struct fact *vuln, const char *name, const char *item, unsigned needs,
    const char *const *words, uint32_t count)
{
	struct fact *x = facts_group(m->f, vuln, name);
	x->needs = needs;
	uint32_t first = dice_below(&m->d, count), last = first + 1 + dice_below(&m->d, count - first);
	for (uint32_t i = first; i < last; i++)
		maker_word(m, x, item, words[i])->repeats = true;
}

static void put_pairs(
    struct maker *m, struct fact *vuln, const char *const names[4], const char *format, const char *url)
{
	struct fact *x = facts_group(m->f, vuln, names[0]);
	uint32_t count = 1 + dice_below(&m->d, 3);
	for (uint32_t i = 0; i < count; i++) {
		struct fact *item = maker_liberty(m, facts_item(m->f, x, names[1]));
		uint32_t number = 1000 + dice_below(&m->d, 40000);
		maker_text(m, item, names[2], facts_printf(m->f, "%s%u", format, number));
		maker_text(m, item, names[3], facts_printf(m->f, "%s%u", url, number));
	}
}

void vuln_put_references(struct maker *m, struct fact *vuln)
{
	static const char *const software[4] = {"SOFTWARE_LIST", "SOFTWARE", "PRODUCT", "VENDOR"};
	static const char *const vendors[4] = {"VENDOR_REFERENCE_LIST", "VENDOR_REFERENCE", "ID", "URL"};
	static const char *const cves[4] = {"CVE_LIST", "CVE", "ID", "URL"};
	if (!dice_one_in(&m->d, 3))
		put_pairs(m, vuln, software, "ios_xe", "cisco");
	if (!dice_one_in(&m->d, 3))
		put_pairs(m, vuln, vendors, "sim-sa-", "https://example.com/advisory?id=1&n=");
	if (!dice_one_in(&m->d, 4))
		put_pairs(
		    m, vuln, cves, "CVE-2023-", "http://cve.mitre.org/cgi-bin/cvename.cgi?name=CVE-2023-");
}

void vuln_put_compliance(struct maker *m, struct fact *vuln)
{
	static const char *const types[] = {"HIPAA", "GLBA", "CobIT", "SOX"};
	if (!dice_one_in(&m->d, 8))
		return;
	struct fact *x = facts_group(m->f, vuln, "COMPLIANCE_LIST");
	uint32_t count = 1 + dice_below(&m->d, 2);
	for (uint32_t i = 0; i < count; i++) {
		struct fact *item = facts_item(m->f, x, "COMPLIANCE");
		maker_word(m, item, "TYPE", DICE_PICK(&m->d, types));
		maker_text(m, item, "SECTION", "164.308");
		maker_phrase(m, item, "DESCRIPTION", 12);
	}
}

static void put_exploits(struct maker *m, struct fact *correlation)
{
	struct fact *x = facts_group(m->f, correlation, "EXPLOITS");
	uint32_t sources = 1 + dice_below(&m->d, 2);
	for (uint32_t i = 0; i < sources; i++) {
		struct fact *source = facts_item(m->f, x, "EXPLT_SRC");
		maker_text(m, source, "SRC_NAME", i ? "Metasploit" : "The Exploit-DB");
		struct fact *list = facts_group(m->f, source, "EXPLT_LIST");
		uint32_t count = 1 + dice_below(&m->d, 3);
		for (uint32_t n = 0; n < count; n++) {
			struct fact *exploit = facts_item(m->f, list, "EXPLT");
			maker_text(m, exploit, "REF", "CVE-2023-1");
			maker_phrase(m, exploit, "DESC", 6);
			if (!dice_one_in(&m->d, 3))
				maker_text(
				    m, exploit, "LINK", "http://www.exploit-db.com/exploits/1?x=1&y=2");
		}
	}
}

static void put_malware(struct maker *m, struct fact *correlation)
{
	static const char *const names[] = {"MW_TYPE", "MW_PLATFORM", "MW_ALIAS", "MW_RATING", "MW_LINK"};
	static const char *const values[] = {
	    "Trojan", "Win32", "Emotet \"x\"", "High", "http://example.com/m?a=1&b=2"};
	struct fact *source = facts_item(m->f, facts_group(m->f, correlation, "MALWARE"), "MW_SRC");
	maker_text(m, source, "SRC_NAME", "Trend Micro");
	struct fact *list = facts_group(m->f, source, "MW_LIST");
	uint32_t count = 1 + dice_below(&m->d, 2);
	for (uint32_t n = 0; n < count; n++) {
		struct fact *x = facts_item(m->f, list, "MW_INFO");
		maker_text(m, x, "MW_ID", "TROJ_GENERIC");
		for (int i = 0; i < 5; i++)
			if (dice_one_in(&m->d, 2))
				maker_text(m, x, names[i], values[i]);
	}
}

void vuln_put_correlation(struct maker *m, struct fact *vuln)
{
	if (!dice_one_in(&m->d, 4))
		return;
	struct fact *x = facts_group(m->f, vuln, "CORRELATION");
	bool malware = dice_one_in(&m->d, 2);
	if (!malware || dice_one_in(&m->d, 2))
		put_exploits(m, x);
	if (malware)
		put_malware(m, x);
}

static void put_base(struct maker *m, struct fact *x)
{
	struct fact *base = maker_word(
	    m, x, "BASE", facts_printf(m->f, "%u.%u", dice_below(&m->d, 10), dice_below(&m->d, 10)));
	base->is_object = true;
	if (dice_one_in(&m->d, 3)) {
		base->attribute = "source";
		base->attribute_value = "service";
	}
}

static void put_some(struct maker *m, struct fact *x, const char *const *names, uint32_t count)
{
	static const char *const values[] = {
	    "Network", "Low", "None", "Complete", "Partial", "Required", "Official Fix", "-"};
	for (uint32_t i = 0; i < count; i++)
		if (!dice_one_in(&m->d, 6))
			maker_word(m, x, names[i], DICE_PICK(&m->d, values));
}

static void put_vector(struct maker *m, struct fact *x, const char *group)
{
	static const char *const access[] = {"VECTOR", "COMPLEXITY"};
	static const char *const impact[] = {"CONFIDENTIALITY", "INTEGRITY", "AVAILABILITY"};
	struct fact *g = facts_group(m->f, x, group);
	maker_word(m, g, access[0], "Network");
	put_some(m, g, access + 1, 1);
	g = facts_group(m->f, x, "IMPACT");
	maker_word(m, g, impact[0], "Partial");
	put_some(m, g, impact + 1, 2);
}

void vuln_put_cvss(struct maker *m, struct fact *vuln)
{
	static const char *const rest2[] = {
	    "AUTHENTICATION", "EXPLOITABILITY", "REMEDIATION_LEVEL", "REPORT_CONFIDENCE"};
	static const char *const rest3[] = {"PRIVILEGES_REQUIRED", "USER_INTERACTION", "SCOPE",
	    "EXPLOIT_CODE_MATURITY", "REMEDIATION_LEVEL", "REPORT_CONFIDENCE"};
	static const char *const temporal[] = {"TEMPORAL"};
	if (!dice_one_in(&m->d, 4)) {
		struct fact *x = facts_group(m->f, vuln, "CVSS");
		put_base(m, x);
		put_some(m, x, temporal, 1);
		maker_word(m, x, "VECTOR_STRING", "CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P");
		put_vector(m, x, "ACCESS");
		put_some(m, x, rest2, 4);
	}
	if (!dice_one_in(&m->d, 4)) {
		struct fact *x = facts_group(m->f, vuln, "CVSS_V3");
		put_base(m, x);
		put_some(m, x, temporal, 1);
		maker_word(m, x, "VECTOR_STRING", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H");
		maker_word(m, x, "CVSS3_VERSION", "3.1");
		put_vector(m, x, "ATTACK");
		put_some(m, x, rest3, 6);
	}
	if (dice_one_in(&m->d, 4)) {
		struct fact *x = facts_group(m->f, vuln, "CVSS_V4");
		put_base(m, x);
		maker_word(
		    m, x, "VECTOR_STRING", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N");
		maker_word(m, x, "CVSS4_VERSION", "4.0");
	}
}

void vuln_put_threats(struct maker *m, struct fact *vuln)
{
	static const char *const names[][2] = {{"2", "Exploit_Public"}, {"4", "High_Lateral_Movement"},
	    {"5", "Easy_Exploit"}, {"8", "No_Patch"}, {"14", "Predicted_High_Risk"}};
	if (dice_one_in(&m->d, 3))
		return;
	struct fact *x = facts_group(m->f, vuln, "THREAT_INTELLIGENCE");
	uint32_t first = dice_below(&m->d, 5), last = first + 1 + dice_below(&m->d, 5 - first);
	for (uint32_t i = first; i < last; i++) {
		struct fact *threat = maker_text(m, x, "THREAT_INTEL", names[i][1]);
		threat->repeats = true;
		threat->attribute = "id";
		threat->attribute_value = names[i][0];
	}
}

void vuln_put_discovery(struct maker *m, struct fact *vuln)
{
	static const char *const types[] = {"Unix", "SNMP", "Windows", "WEBLOGIC_VULN"};
	struct fact *x = facts_group(m->f, vuln, "DISCOVERY");
	maker_word(m, x, "REMOTE", dice_one_in(&m->d, 2) ? "1" : "0");
	if (!dice_one_in(&m->d, 3))
		vuln_put_words(m, x, "AUTH_TYPE_LIST", "AUTH_TYPE", 0, types, 4);
	if (dice_one_in(&m->d, 2))
		maker_word(m, x, "ADDITIONAL_INFO", "Patch Available");
}

void vuln_put_change_log(struct maker *m, struct fact *vuln, uint32_t epoch)
{
	struct fact *x = facts_group(m->f, vuln, "CHANGE_LOG_LIST");
	x->needs = SHOW_CHANGE_LOG;
	uint32_t count = 1 + epoch + dice_below(&m->d, 3);
	for (uint32_t i = 0; i < count && i < 50; i++) {
		struct fact *item = facts_item(m->f, x, "CHANGE_LOG_INFO");
		char date[FACTS_DATE_BYTES + 1];
		facts_write_date(maker_old_time(m), date);
		facts_word(m->f, item, "CHANGE_DATE", facts_copy(m->f, date, FACTS_DATE_BYTES));
		maker_phrase(m, item, "COMMENTS", 7);
	}
}
