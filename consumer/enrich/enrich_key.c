/* enrich_key.c -- keys in their one form, and the keys that a value is found by. Pure. */
#include "enrich_key.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char *const names[MATCHES] = {"host_id", "asset_id", "ip", "network", "dns", "dns_suffix",
    "netbios", "tag", "asset_group", "qid", "cve"};

enum enrich_match enrich_match_of(const char *name)
{
	int m = 0;

	while (m < MATCHES && strcmp(names[m], name) != 0)
		m++;
	return (enum enrich_match)m;
}

const char *enrich_match_name(enum enrich_match m)
{
	return names[m];
}

bool enrich_match_is_of_host(enum enrich_match m)
{
	return m != MATCH_QID && m != MATCH_CVE;
}

bool enrich_match_is_number(enum enrich_match m)
{
	return m == MATCH_HOST_ID || m == MATCH_ASSET_ID || m == MATCH_ASSET_GROUP || m == MATCH_QID;
}

/* ---- addresses */

struct address {
	int family; /* AF_INET, AF_INET6 */
	unsigned char bytes[16];
};

static int bits_of(const struct address *a)
{
	return a->family == AF_INET ? 32 : 128;
}

static bool read_address(const char *text, size_t len, struct address *ret)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	memset(ret, 0, sizeof(*ret));
	ret->family = memchr(copy, ':', len) ? AF_INET6 : AF_INET;
	if (inet_pton(ret->family, copy, ret->bytes) != 1)
		return false;
	if (ret->family == AF_INET6 && !memcmp(ret->bytes, mapped, sizeof(mapped))) { /* ::ffff:10.0.0.1 */
		struct address v4 = {.family = AF_INET};

		memcpy(v4.bytes, ret->bytes + sizeof(mapped), 4);
		*ret = v4;
	}
	return true;
}

/* All bits behind the first `length` are 0. */
static void mask(struct address *a, int length)
{
	for (int i = 0; i < 16; i++) {
		int kept = length - 8 * i;

		if (kept <= 0)
			a->bytes[i] = 0;
		else if (kept < 8)
			a->bytes[i] &= (unsigned char)(0xff << (8 - kept));
	}
}

static void write_address(const struct address *a, char ret_key[static ENRICH_KEY])
{
	if (!inet_ntop(a->family, a->bytes, ret_key, ENRICH_KEY))
		*ret_key = '\0'; /* there is room */
}

static void write_network(const struct address *of, int length, char ret_key[static ENRICH_KEY])
{
	struct address a = *of;

	mask(&a, length);
	write_address(&a, ret_key);
	size_t n = strlen(ret_key);
	snprintf(ret_key + n, ENRICH_KEY - n, "/%d", length);
}

static bool read_ip(const char *text, size_t len, char ret_key[static ENRICH_KEY])
{
	struct address a;

	if (!read_address(text, len, &a))
		return false;
	write_address(&a, ret_key);
	return true;
}

/* 24 */
static bool read_length(const char *text, size_t len, int *ret)
{
	if (!len || len > 3)
		return false;
	*ret = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret = 10 * *ret + text[i] - '0';
	}
	return true;
}

/* 255.255.255.0 */
static bool read_mask(const char *text, size_t len, int *ret)
{
	struct address a;

	if (!read_address(text, len, &a) || a.family != AF_INET)
		return false;
	uint32_t bits =
	    (uint32_t)a.bytes[0] << 24 | (uint32_t)a.bytes[1] << 16 | (uint32_t)a.bytes[2] << 8 | a.bytes[3];
	*ret = __builtin_popcount(bits);
	return (~bits & (~bits + 1)) == 0; /* ones, then zeros */
}

/* An address alone is a network of one. */
static bool read_network(const char *text, size_t len, char ret_key[static ENRICH_KEY])
{
	const char *slash = memchr(text, '/', len);
	size_t before = slash ? (size_t)(slash - text) : len, after = slash ? len - before - 1 : 0;
	struct address a;

	if (!read_address(text, before, &a))
		return false;
	int length = bits_of(&a);
	bool mapped = a.family == AF_INET && memchr(text, ':', before);
	if (slash && !read_length(slash + 1, after, &length) &&
	    !(a.family == AF_INET && read_mask(slash + 1, after, &length)))
		return false;
	if (slash && mapped)
		length -= 128 - 32; /* ::ffff:10.0.0.0/104 */
	if (length < 0 || length > bits_of(&a))
		return false;
	write_network(&a, length, ret_key);
	return true;
}

/* ---- other keys */

static bool read_number(const char *text, size_t len, char ret_key[static ENRICH_KEY])
{
	while (len > 1 && *text == '0') {
		text++;
		len--;
	}
	if (!len || len > 18) /* INTEGER holds it */
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	memcpy(ret_key, text, len);
	ret_key[len] = '\0';
	return true;
}

static bool read_text(const char *text, size_t len, char from, char to, char ret_key[static ENRICH_KEY])
{
	if (!len || len >= ENRICH_KEY)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool other = text[i] >= from && text[i] <= to;

		ret_key[i] = other ? (char)(text[i] ^ 0x20) : text[i];
	}
	ret_key[len] = '\0';
	return true;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Of *.example.com, .example.com and example.com. the same; dots at the end are the root's. */
static bool read_name(const char *text, size_t len, bool is_suffix, char ret_key[static ENRICH_KEY])
{
	while (is_suffix && len &&
	       (*text == '.' || is_white(*text) || (len > 1 && text[0] == '*' && text[1] == '.'))) {
		text++;
		len--;
	}
	while (len && (text[len - 1] == '.' || is_white(text[len - 1])))
		len--;
	return read_text(text, len, 'A', 'Z', ret_key);
}

static bool read_cve(const char *text, size_t len, char ret_key[static ENRICH_KEY])
{
	return read_text(text, len, 'a', 'z', ret_key) && !strncmp(ret_key, "CVE-", 4);
}

bool enrich_key_is_empty(const char *text, size_t len)
{
	while (len && is_white(text[len - 1]))
		len--;
	return !len;
}

static bool read_key(enum enrich_match m, const char *text, size_t len, char ret_key[static ENRICH_KEY])
{
	while (len && is_white(text[len - 1]))
		len--;
	for (; len && is_white(*text); text++)
		len--;
	switch (m) {
	case MATCH_IP: return read_ip(text, len, ret_key);
	case MATCH_NETWORK: return read_network(text, len, ret_key);
	case MATCH_DNS: return read_name(text, len, false, ret_key);
	case MATCH_DNS_SUFFIX: return read_name(text, len, true, ret_key);
	case MATCH_NETBIOS: return read_text(text, len, 'A', 'Z', ret_key);
	case MATCH_TAG: return read_text(text, len, 1, 0, ret_key);
	case MATCH_CVE: return read_cve(text, len, ret_key);
	default: return read_number(text, len, ret_key);
	}
}

bool enrich_key_read(enum enrich_match m, const char *text, size_t len, char ret_key[static ENRICH_KEY])
{
	static const char *const should_be[MATCHES] = {"a host id", "an asset id", "an IP address",
	    "a network such as 10.0.0.0/8", "a DNS name", "a DNS suffix", "a NETBIOS name", "a tag's name",
	    "an asset group's id", "a QID", "a CVE"};

	if (read_key(m, text, len, ret_key))
		return true;
	snprintf(ret_key, ENRICH_KEY, "its key is not %s", should_be[m]);
	return false;
}

/* ---- which keys a value is found by */

void enrich_lengths_add(struct enrich_lengths *l, const char *key)
{
	const char *slash = strchr(key, '/');
	int length = 0;

	for (const char *p = slash ? slash + 1 : ""; *p >= '0' && *p <= '9'; p++)
		length = 10 * length + *p - '0';
	if (strchr(key, ':') && length <= 128)
		l->v6[length] = true;
	else if (length <= 32)
		l->v4[length] = true;
}

/* A host's address, or the range that it has: a network holds it when it holds both ends. */
static int each_network(const struct enrich_lengths *l, const char *value, enrich_try_fn *try, void *arg)
{
	const char *dash = strchr(value, '-');
	struct address first, last;
	char key[ENRICH_KEY], other[ENRICH_KEY];
	int found = 0;

	if (!read_address(value, dash ? (size_t)(dash - value) : strlen(value), &first) ||
	    !read_address(dash ? dash + 1 : value, strlen(dash ? dash + 1 : value), &last) ||
	    first.family != last.family)
		return 0;
	for (int length = bits_of(&first); length >= 0 && !found; length--) {
		if (!(first.family == AF_INET ? l->v4[length] : l->v6[length]))
			continue;
		write_network(&first, length, key);
		write_network(&last, length, other);
		if (!strcmp(key, other))
			found = try(arg, key);
	}
	return found;
}

static int each_suffix(const char *value, enrich_try_fn *try, void *arg)
{
	char key[ENRICH_KEY];
	int found = 0;

	if (!read_name(value, strlen(value), false, key))
		return 0;
	for (const char *p = key; p && !found; p = strchr(p, '.'), p = p ? p + 1 : NULL)
		found = try(arg, p);
	return found;
}

static int each_of_list(enum enrich_match m, const char *value, enrich_try_fn *try, void *arg)
{
	char key[ENRICH_KEY];
	int found = 0;

	for (const char *p = value; *p && found >= 0;) {
		size_t space = strspn(p, ", "), len = strcspn(p + space, ", ");

		if (read_key(m, p + space, len, key)) {
			int one = try(arg, key);

			found = one ? one : found;
		}
		p += space + len;
	}
	return found;
}

int enrich_key_each(
    enum enrich_match m, const struct enrich_lengths *l, const char *value, enrich_try_fn *try, void *arg)
{
	char key[ENRICH_KEY];

	if (m == MATCH_NETWORK)
		return each_network(l, value, try, arg);
	if (m == MATCH_DNS_SUFFIX)
		return each_suffix(value, try, arg);
	if (m == MATCH_ASSET_GROUP)
		return each_of_list(m, value, try, arg);
	return read_key(m, value, strlen(value), key) ? try(arg, key) : 0;
}
