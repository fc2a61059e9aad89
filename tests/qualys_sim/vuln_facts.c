/* vuln_facts.c -- the scalar facts of a QID, in the DTD's order; the elements that came after the DTD stand where newer
 * answers have them. A QID that was modified has other texts and one more entry in its change log. */
#include "vuln_facts.h"
#include "shown.h"

static void put_title(struct maker *m, struct fact *x, uint32_t qid)
{
	static const char *const products[] = {"OpenSSL", "Microsoft Windows", "Google Chrome",
	    "Red Hat Update for kernel", "Apache HTTP Server", "Oracle Java SE", "Cisco IOS XE Software",
	    "VMware ESXi", "Mozilla Firefox", "Debian Security Update for glibc", "Adobe Acrobat and Reader",
	    "Microsoft Edge Based on Chromium"};
	static const char *const kinds[] = {"Remote Code Execution Vulnerability", "Multiple Vulnerabilities",
	    "Denial of Service (DoS) Vulnerability", "Elevation of Privilege Vulnerability",
	    "Command Injection Vulnerability", "Information Disclosure", "Weak Cipher \"RC4\" Supported",
	    "Use After Free & Type Confusion"};
	const char *title =
	    facts_printf(m->f, "%s %s (SIM-SA-%u)", DICE_PICK(&m->d, products), DICE_PICK(&m->d, kinds), qid);
	if (m->odd && dice_one_in(&m->d, 20))
		title = text_with_oddities(m->f, &m->d, title, 2);
	maker_text(m, x, "TITLE", title);
}

static void put_head(struct maker *m, struct fact *x, uint32_t qid)
{
	static const char *const types[] = {"Vulnerability", "Potential Vulnerability",
	    "Vulnerability or Potential Vulnerability", "Information Gathered"};
	static const char *const categories[] = {
	    "Cisco", "Windows", "General remote services", "RedHat", "Web server", "CGI"};
	facts_number(m->f, x, "QID", qid);
	maker_word(m, x, "VULN_TYPE", DICE_PICK(&m->d, types));
	maker_number(m, x, "SEVERITY_LEVEL", 1 + dice_below(&m->d, 5));
	put_title(m, x, qid);
	if (!dice_one_in(&m->d, 20))
		maker_word(m, x, "CATEGORY", DICE_PICK(&m->d, categories));
	if (dice_one_in(&m->d, 30))
		maker_phrase(m, x, "DETECTION_INFO", 6);
}

static void put_dates(struct maker *m, struct fact *x, int64_t modified_s)
{
	if (dice_one_in(&m->d, 15)) {
		struct fact *last = facts_group(m->f, x, "LAST_CUSTOMIZATION");
		facts_word(m->f, last, "DATETIME", "2023-02-03T04:05:06Z");
		if (!dice_one_in(&m->d, 3))
			maker_word(m, last, "USER_LOGIN", "acme_jd1");
	}
	facts_date(m->f, x, "LAST_SERVICE_MODIFICATION_DATETIME", modified_s);
	maker_date(m, x, "PUBLISHED_DATETIME", maker_old_time(m));
	if (!dice_one_in(&m->d, 4))
		maker_date(m, x, "CODE_MODIFIED_DATETIME", maker_old_time(m));
	if (dice_one_in(&m->d, 3))
		maker_date(m, x, "PATCH_PUBLISHED_DATE", maker_old_time(m));
	if (dice_one_in(&m->d, 3))
		maker_word(m, x, "TECHNOLOGY", "Windows, Linux");
}

static void put_texts(struct maker *m, struct fact *x)
{
	static const char *const names[][2] = {{"DIAGNOSIS", "DIAGNOSIS_COMMENT"},
	    {"CONSEQUENCE", "CONSEQUENCE_COMMENT"}, {"SOLUTION", "SOLUTION_COMMENT"}};
	for (int i = 0; i < 3; i++) {
		if (!dice_one_in(&m->d, 20))
			maker_text(m, x, names[i][0],
			    text_paragraphs(m->f, &m->d, m->odd, 10 + dice_below(&m->d, 60)));
		if (dice_one_in(&m->d, 15))
			maker_phrase(m, x, names[i][1], 9);
	}
}

static void put_flags(struct maker *m, struct fact *x)
{
	static const char *const reasons[] = {
	    "CVSS Score of 5.0 or above", "SQL Injection & <XSS>", "Backdoor", "Unsupported \"OS\""};
	maker_number(m, x, "PCI_FLAG", dice_below(&m->d, 2));
	if (dice_one_in(&m->d, 6))
		maker_number(m, x, "AUTOMATIC_PCI_FAIL", 1);
	if (dice_one_in(&m->d, 3))
		vuln_put_words(m, x, "PCI_REASONS", "PCI_REASON", SHOW_PCI_REASONS, reasons, 4);
	vuln_put_threats(m, x);
	if (!dice_one_in(&m->d, 3))
		maker_word(m, x, "SUPPORTED_MODULES", "VM,CA-Windows Agent,CA-Linux Agent")->needs =
		    SHOW_MODULES;
}

struct fact *vuln_facts(struct facts *f, const struct world *w, uint32_t index)
{
	int64_t modified_s;
	uint32_t epoch = world_vuln_epoch(w, index, &modified_s), qid = world_qid(w, index);
	struct maker m = {f, dice_of(w->seed + 51000000, (uint64_t)qid << 20 | epoch), w->odd};
	struct fact *x = facts_group(f, NULL, "VULN");
	put_head(&m, x, qid);
	put_dates(&m, x, modified_s);
	struct fact *bugtraq = dice_one_in(&m.d, 10) ? facts_group(f, x, "BUGTRAQ_LIST") : NULL;
	if (bugtraq) {
		struct fact *item = facts_item(f, bugtraq, "BUGTRAQ");
		maker_text(&m, item, "ID", facts_printf(f, "%u", 90000 + dice_below(&m.d, 9999)));
		maker_text(&m, item, "URL", "http://www.securityfocus.com/bid/1?a=b&c=d");
	}
	maker_number(&m, x, "PATCHABLE", dice_below(&m.d, 2));
	vuln_put_references(&m, x);
	put_texts(&m, x);
	vuln_put_compliance(&m, x);
	vuln_put_correlation(&m, x);
	vuln_put_cvss(&m, x);
	put_flags(&m, x);
	vuln_put_discovery(&m, x);
	if (!dice_one_in(&m.d, 6))
		facts_number(f, x, "IS_DISABLED", dice_one_in(&m.d, 50))->needs = SHOW_DISABLED;
	vuln_put_change_log(&m, x, epoch);
	return x;
}
