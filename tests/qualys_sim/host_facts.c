/* host_facts.c -- the scalar facts of a host, in the order of the API's elements. Who a host is follows from its key;
 * its dates from the time of its last scan. */
#include "host_facts.h"
#include "shown.h"

struct identity {
	const char *name, *domain, *fqdn, *os, *ip, *ipv6, *method;
	unsigned cloud; /* 0: none, 1: AWS, 2: GCP, 3: Azure */
	bool authenticated;
};

static const char *const systems[] = {"Windows Server 2019 Standard 64 bit Edition Version 1809",
    "Red Hat Enterprise Linux 8.6", "Ubuntu Linux 20.04.5",
    "Windows 10 Enterprise 64 bit Edition Version 21H2", "Debian Linux 11.6", "CentOS Linux 7.9.2009",
    "Cisco IOS XE 16.9.5", "VMware ESXi 7.0.3 build 20328353",
    "Windows Server 2016 Datacenter 64 bit Edition Version 1607", "Windows 2016/2019/10",
    "F5 Networks Big-IP / Linux & others <unsure>"};
static const char *const methods[] = {
    "IP", "IP", "DNS", "NETBIOS", "AGENT", "AGENT", "AGENT", "QAGENT", "EC2"};
static const char *const domains[] = {
    "corp.example.com", "example.org", "lab.example.net", "m\xc3\xbcnchen.example.com"};

int64_t host_scanned_s(const struct host *h)
{
	return h->processed_s - 15;
}

static struct identity identity_of(struct maker *m, const struct host *h)
{
	struct dice *d = &m->d;
	struct identity i = {
	    .method = DICE_PICK(d, methods), .domain = DICE_PICK(d, domains), .os = DICE_PICK(d, systems)};
	i.name = facts_printf(m->f, "srv%05u-%x", h->index, dice_below(d, 4096));
	i.fqdn = facts_printf(m->f, "%s.%s", i.name, i.domain);
	i.ip = facts_printf(m->f, "10.%u.%u.%u", h->index >> 16 & 255, h->index >> 8 & 255, h->index & 255);
	i.ipv6 = dice_one_in(d, 9) ? facts_printf(m->f, "2001:db8::%x:%x", h->index >> 16, h->index & 0xFFFF)
				   : NULL;
	i.cloud = dice_one_in(d, 3) ? 1 + dice_below(d, 3) : 0;
	i.authenticated = !dice_one_in(d, 4);
	if (m->odd && dice_one_in(d, 12))
		i.os = text_with_oddities(m->f, d, i.os, 2);
	return i;
}

static struct maker maker_of(struct facts *f, const struct world *w, const struct host *h)
{
	return (struct maker){f, dice_of(h->key, 21), w->odd};
}

static void put_cloud(struct maker *m, struct fact *x, const struct identity *i)
{
	static const char *const providers[] = {NULL, "AWS", "GCP", "Azure"};
	static const char *const services[] = {NULL, "EC2", "Compute Engine", "VM"};
	if (!i->cloud)
		return;
	maker_word(m, x, "CLOUD_PROVIDER", providers[i->cloud]);
	maker_word(m, x, "CLOUD_SERVICE", services[i->cloud]);
	uint64_t id = dice_next(&m->d);
	maker_word(m, x, "CLOUD_RESOURCE_ID", facts_printf(m->f, "i-%016llx", (unsigned long long)id));
	if (i->cloud == 1)
		maker_word(m, x, "EC2_INSTANCE_ID", facts_printf(m->f, "i-%016llx", (unsigned long long)id));
}

static void put_asset_id(struct maker *m, struct fact *x, const struct host *h)
{
	facts_number(m->f, x, "ASSET_ID", h->id * 2 + 7)->needs = SHOW_ASSET_ID;
}

static void put_qg_hostid(struct maker *m, struct fact *x)
{
	if (dice_one_in(&m->d, 3))
		return;
	uint64_t a = dice_next(&m->d), b = dice_next(&m->d);
	maker_text(m, x, "QG_HOSTID",
	    facts_printf(m->f, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a & 0xFFFFFFFF),
		(unsigned)(a >> 32 & 0xFFFF), (unsigned)(a >> 48), (unsigned)(b & 0xFFFF),
		(unsigned long long)(b >> 16)));
}

static void put_scan_dates(struct maker *m, struct fact *x, const struct host *h, const struct identity *i)
{
	maker_date(m, x, "LAST_VM_SCANNED_DATE", host_scanned_s(h));
	maker_number(m, x, "LAST_VM_SCANNED_DURATION", dice_below(&m->d, 3000));
	if (!i->authenticated)
		return;
	maker_date(m, x, "LAST_VM_AUTH_SCANNED_DATE", host_scanned_s(h));
	maker_number(m, x, "LAST_VM_AUTH_SCANNED_DURATION", dice_below(&m->d, 3000));
}

static void put_names(struct maker *m, struct fact *x, const struct identity *i)
{
	if (!dice_one_in(&m->d, 20)) {
		maker_text(m, x, "DNS", i->fqdn);
		host_put_dns_data(m, x, i->name, i->domain);
	}
	if (dice_one_in(&m->d, 3))
		maker_text(m, x, "OS_HOSTNAME", i->name);
}

static void put_netbios(struct maker *m, struct fact *x, const struct identity *i)
{
	if (!dice_one_in(&m->d, 3))
		maker_text(m, x, "NETBIOS", i->name);
}

static void put_risk(struct maker *m, struct fact *x, const struct host *h)
{
	static const char *const names[] = {"ASSET_RISK_SCORE", "TRURISK_SCORE", "ASSET_CRITICALITY_SCORE"};
	uint64_t score = (dice_below(&m->d, 1000) + h->epoch) % 1001;
	uint64_t values[] = {score, score, 1 + dice_below(&m->d, 5)};
	for (int i = 0; i < 3; i++)
		maker_number(m, x, names[i], values[i])->needs = SHOW_TRURISK;
	host_put_factors(m, x);
}

static void put_later_columns(struct maker *m, struct fact *x, const struct host *h)
{
	struct dice *d = &m->d;
	if (dice_one_in(d, 9))
		maker_date(m, x, "LAST_SCAP_SCAN_DATETIME", maker_old_time(m));
	if (!dice_one_in(d, 3))
		maker_date(m, x, "LAST_BOOT", h->processed_s - 86400 - (int64_t)dice_below(d, 5000000));
	if (!dice_one_in(d, 3))
		maker_text(
		    m, x, "SERIAL_NUMBER", facts_printf(m->f, "VMware-%08x", dice_below(d, UINT32_MAX)));
	if (!dice_one_in(d, 3))
		maker_text(
		    m, x, "HARDWARE_UUID", facts_printf(m->f, "%08X-0000-11EE", dice_below(d, UINT32_MAX)));
	maker_date(m, x, "FIRST_FOUND_DATE", maker_old_time(m));
	if (!dice_one_in(d, 4))
		maker_date(m, x, "LAST_ACTIVITY", h->processed_s + 3);
	if (!dice_one_in(d, 4)) {
		maker_word(
		    m, x, "AGENT_STATUS", dice_one_in(d, 5) ? "Inventory Scan Complete" : "Cloud Agent");
		maker_word(m, x, "CLOUD_AGENT_RUNNING_ON", "QAGENT_DEVICE");
		maker_phrase(m, x, "AGENT_ACTIVATION_TITLE", 3);
		maker_text(m, x, "AGENT_ACTIVATION_KEY",
		    facts_printf(m->f, "%08x-5f6b-4a2e", dice_below(d, UINT32_MAX)));
	}
	if (dice_one_in(d, 4))
		maker_word(m, x, "VM_AUTH_INSUFFICIENT_PRIVILEGE", dice_one_in(d, 2) ? "1" : "0");
}

static void put_people(struct maker *m, struct fact *x)
{
	struct dice *d = &m->d;
	if (!dice_one_in(d, 4))
		maker_text(m, x, "OWNER", "acme_jd1")->needs = SHOW_ALL;
	if (dice_one_in(d, 4))
		maker_phrase(m, x, "COMMENTS", 8)->needs = SHOW_ALL;
	if (dice_one_in(d, 4))
		host_put_user_def(m, x);
	if (!dice_one_in(d, 5))
		maker_text(m, x, "ASSET_GROUP_IDS",
		    facts_printf(m->f, "%u,%u", 7000 + dice_below(d, 50), 8000 + dice_below(d, 50)))
		    ->needs = SHOW_ALL;
}

struct fact *host_list_facts(struct facts *f, const struct world *w, const struct host *h)
{
	struct maker m = maker_of(f, w, h);
	struct identity i = identity_of(&m, h);
	struct fact *x = facts_group(f, NULL, "HOST");
	facts_number(f, x, "ID", h->id);
	put_asset_id(&m, x, h);
	maker_word(&m, x, "IP", i.ip);
	if (i.ipv6)
		maker_word(&m, x, "IPV6", i.ipv6);
	maker_word(&m, x, "TRACKING_METHOD", i.method);
	if (!dice_one_in(&m.d, 6))
		maker_number(&m, x, "NETWORK_ID", dice_below(&m.d, 9));
	put_names(&m, x, &i);
	put_cloud(&m, x, &i);
	put_netbios(&m, x, &i);
	maker_text(&m, x, "OS", i.os);
	put_qg_hostid(&m, x);
	host_put_tags(&m, x, dice_mix2(h->key, 300 + h->epoch));
	host_put_metadata(&m, x, i.cloud);
	host_put_cloud_tags(&m, x);
	maker_date(&m, x, "LAST_VULN_SCAN_DATETIME", h->processed_s);
	put_scan_dates(&m, x, h, &i);
	if (dice_one_in(&m.d, 3)) {
		maker_date(&m, x, "LAST_COMPLIANCE_SCAN_DATETIME", maker_old_time(&m));
		maker_date(&m, x, "PC_AUTH_SUCCESS_DATE", maker_old_time(&m));
	}
	put_people(&m, x);
	put_risk(&m, x, h);
	put_later_columns(&m, x, h);
	return x;
}

struct fact *detection_host_facts(struct facts *f, const struct world *w, const struct host *h)
{
	struct maker m = maker_of(f, w, h);
	struct identity i = identity_of(&m, h);
	struct fact *x = facts_group(f, NULL, "HOST");
	facts_number(f, x, "ID", h->id);
	put_asset_id(&m, x, h);
	maker_word(&m, x, "IP", i.ip);
	if (i.ipv6)
		maker_word(&m, x, "IPV6", i.ipv6);
	maker_word(&m, x, "TRACKING_METHOD", i.method);
	if (!dice_one_in(&m.d, 6)) {
		maker_number(&m, x, "NETWORK_ID", dice_below(&m.d, 9));
		maker_text(&m, x, "NETWORK_NAME", "Global Default Network");
	}
	maker_text(&m, x, "OS", i.os);
	if (dice_one_in(&m.d, 3))
		maker_text(&m, x, "OS_CPE", "cpe:/o:microsoft:windows_server_2019:1809::x64:");
	put_names(&m, x, &i);
	put_cloud(&m, x, &i);
	put_netbios(&m, x, &i);
	put_qg_hostid(&m, x);
	maker_date(&m, x, "LAST_SCAN_DATETIME", h->processed_s);
	put_scan_dates(&m, x, h, &i);
	if (dice_one_in(&m.d, 3))
		maker_date(&m, x, "LAST_PC_SCANNED_DATE", maker_old_time(&m));
	host_put_tags(&m, x, dice_mix2(h->key, 300 + h->epoch));
	host_put_metadata(&m, x, i.cloud);
	host_put_cloud_tags(&m, x);
	return x;
}
