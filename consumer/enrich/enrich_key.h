/* enrich_key.h -- by what a source's rows are joined: how a key is written, and which keys a host or QID is found by.
 *
 * Both sides are brought into one form, so that equal means the same: without white space around it, addresses as inet_ntop()
 * writes them and as IPv4 where they are mapped, networks with their mask applied, names of DNS and NETBIOS in small letters
 * (of ASCII), CVEs in capitals. Tags are compared as they are. */
#ifndef ENRICH_KEY_H
#define ENRICH_KEY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum enrich_match {
	MATCH_HOST_ID,
	MATCH_ASSET_ID,
	MATCH_IP,
	MATCH_NETWORK, /* the longest wins */
	MATCH_DNS,
	MATCH_DNS_SUFFIX, /* the longest wins */
	MATCH_NETBIOS,
	MATCH_TAG,
	MATCH_ASSET_GROUP, /* its id */
	MATCH_QID,
	MATCH_CVE,
	MATCHES
};
enum enrich_match enrich_match_of(const char *name); /* MATCHES: there is none */
const char *enrich_match_name(enum enrich_match m);
bool enrich_match_is_of_host(enum enrich_match m); /* else of a QID */
bool enrich_match_is_number(enum enrich_match m);

enum { ENRICH_KEY = 272 };
bool enrich_key_is_empty(const char *text, size_t len); /* but for white space; NULL is */
/* A key of a source in its one form. false: it is none; ret_key says what it should be. */
bool enrich_key_read(enum enrich_match m, const char *text, size_t len, char ret_key[static ENRICH_KEY]);

struct enrich_lengths { /* MATCH_NETWORK: which lengths of prefixes there are, so that only those are tried */
	bool v4[33], v6[129];
};
void enrich_lengths_add(struct enrich_lengths *l, const char *key);

/* Whether there is a row with this key: 1, 0, -1: error. */
typedef int enrich_try_fn(void *arg, const char *key);
/* Tries the keys that a host or QID with this value is found by: all of them, or, where the longest wins, until one is there.
 * As try's result: 1: at least one was there. */
int enrich_key_each(
    enum enrich_match m, const struct enrich_lengths *l, const char *value, enrich_try_fn *try, void *arg);
#endif
