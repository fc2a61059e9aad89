/* host_nested.c -- the nested facts of a host. */
#include "host_facts.h"
#include "shown.h"

void host_put_dns_data(struct maker *m, struct fact *host, const char *name, const char *domain)
{
	struct fact *x = facts_group(m->f, host, "DNS_DATA");
	maker_text(m, x, "HOSTNAME", name);
	if (dice_one_in(&m->d, 6))
		return;
	maker_text(m, x, "DOMAIN", domain);
	maker_text(m, x, "FQDN", facts_printf(m->f, "%s.%s", name, domain));
}

void host_put_tags(struct maker *m, struct fact *host, uint64_t key)
{
	static const char *const names[] = {"prod", "web", "Cloud Agent", "BU: Finance & Risk",
	    "Internet Facing Assets", "\xf0\x9f\x94\x92 crown jewels", "R\xc3\xa9gion \"Ouest\"",
	    "patch <30d>", "", "DMZ"};
	struct dice d = dice_of(key, 31);
	uint32_t count = dice_below(&d, 7);
	if (count == 0 && !(m->odd && dice_one_in(&d, 4)))
		return; /* else an element without items, which is as if it were not there */
	struct fact *x = maker_liberty(m, facts_group(m->f, host, "TAGS"));
	x->needs = SHOW_TAGS;
	for (uint32_t i = 0; i < count; i++) {
		struct fact *tag = maker_liberty(m, facts_item(m->f, x, "TAG"));
		if (!dice_one_in(&d, 12))
			maker_word(
			    m, tag, "TAG_ID", facts_printf(m->f, "%u", 7000000 + dice_below(&d, 5000)));
		maker_text(m, tag, "NAME", DICE_PICK(&d, names));
		if (dice_one_in(&d, 3)) {
			maker_word(m, tag, "COLOR", "#FFFFFF");
			maker_word(m, tag, "BACKGROUND_COLOR", "#1122AA");
		}
	}
}

static void put_attribute(struct maker *m, struct fact *provider, const char *name)
{
	struct fact *x = maker_liberty(m, facts_item(m->f, provider, "ATTRIBUTE"));
	bool failed = dice_one_in(&m->d, 5);
	maker_text(m, x, "NAME", name);
	maker_word(m, x, "LAST_STATUS", failed ? "Failure" : "Success");
	maker_phrase(m, x, "VALUE", failed ? 0 : 1);
	char date[FACTS_DATE_BYTES + 1];
	facts_write_date(maker_old_time(m), date);
	const char *copy = facts_copy(m->f, date, FACTS_DATE_BYTES);
	facts_word(m->f, x, "LAST_SUCCESS_DATE", failed ? "" : copy);
	if (!dice_one_in(&m->d, 3)) {
		facts_word(m->f, x, "LAST_ERROR_DATE", failed ? copy : "");
		facts_text(m->f, x, "LAST_ERROR", failed ? "no such \"metadata\" <value>" : "");
	}
}

void host_put_metadata(struct maker *m, struct fact *host, unsigned cloud)
{
	static const char *const providers[] = {NULL, "EC2", "GOOGLE", "AZURE"};
	static const char *const names[] = {"latest/dynamic/instance-identity/document/region", "vpcId",
	    "machineType", "subscriptionId", "tags/\"quoted\""};
	if (cloud == 0)
		return;
	struct fact *x = facts_group(m->f, host, "METADATA");
	x->needs = SHOW_METADATA;
	uint32_t blocks = dice_one_in(&m->d, 8) ? 2 : 1;
	for (uint32_t b = 0; b < blocks; b++) {
		struct fact *provider = facts_item(m->f, x, providers[cloud]);
		uint32_t count = 1 + dice_below(&m->d, 4);
		for (uint32_t i = 0; i < count; i++)
			put_attribute(m, provider, DICE_PICK(&m->d, names));
	}
}

void host_put_cloud_tags(struct maker *m, struct fact *host)
{
	if (!dice_one_in(&m->d, 4))
		return;
	struct fact *x = facts_group(m->f, host, "CLOUD_PROVIDER_TAGS");
	x->needs = SHOW_CLOUD_TAGS;
	uint32_t count = 1 + dice_below(&m->d, 3);
	for (uint32_t i = 0; i < count; i++) {
		struct fact *tag = maker_liberty(m, facts_item(m->f, x, "CLOUD_TAG"));
		maker_text(m, tag, "NAME", "cost-centre");
		maker_phrase(m, tag, "VALUE", 2);
		char date[FACTS_DATE_BYTES + 1];
		facts_write_date(maker_old_time(m), date);
		facts_word(m->f, tag, "LAST_SUCCESS_DATE", facts_copy(m->f, date, FACTS_DATE_BYTES));
	}
}

void host_put_user_def(struct maker *m, struct fact *host)
{
	static const char *const labels[] = {"LABEL_1", "LABEL_2", "LABEL_3"};
	static const char *const values[] = {"VALUE_1", "VALUE_2", "VALUE_3"};
	struct fact *x = facts_group(m->f, host, "USER_DEF");
	x->needs = SHOW_ALL;
	uint32_t count = 1 + dice_below(&m->d, 3);
	for (uint32_t i = 0; i < count && i < 3; i++)
		maker_text(m, x, labels[i], "Location");
	for (uint32_t i = 0; i < count && i < 3; i++)
		maker_phrase(m, x, values[i], 2);
}

void host_put_factors(struct maker *m, struct fact *host)
{
	static const char *const names[][2] = {
	    {"ARS_FACTORS", "ARS_FORMULA"}, {"TRURISK_SCORE_FACTORS", "TRURISK_SCORE_FORMULA"}};
	static const char *const severities[] = {"5", "4", "3", "2", "1"};
	for (int i = 0; i < 2; i++) {
		struct fact *x = facts_group(m->f, host, names[i][0]);
		x->needs = SHOW_TRURISK_FACTORS;
		maker_text(m, x, names[i][1], "5 * {(1.0 * 87 * (5^0.01)) + (0.6 * 74 * (6^0.01))}");
		for (uint32_t s = dice_below(&m->d, 3); s < 5; s++) {
			struct fact *count =
			    maker_word(m, x, "VULN_COUNT", facts_printf(m->f, "%u", dice_below(&m->d, 90)));
			count->repeats = true;
			count->attribute = "qds_severity";
			count->attribute_value = severities[s];
		}
	}
}
