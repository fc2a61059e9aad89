/* vuln_facts.h -- what the KnowledgeBase says of a QID. */
#ifndef SIM_VULN_FACTS_H
#define SIM_VULN_FACTS_H
#include "facts.h"
#include "maker.h"
#include "world.h"

struct fact *vuln_facts(struct facts *f, const struct world *w, uint32_t index);

/* vuln_nested.c */
void vuln_put_references(struct maker *m, struct fact *vuln);
void vuln_put_compliance(struct maker *m, struct fact *vuln);
void vuln_put_correlation(struct maker *m, struct fact *vuln);
void vuln_put_cvss(struct maker *m, struct fact *vuln);
void vuln_put_discovery(struct maker *m, struct fact *vuln);
void vuln_put_change_log(struct maker *m, struct fact *vuln, uint32_t epoch);
void vuln_put_words(struct maker *m, struct fact *vuln, const char *name, const char *item, unsigned needs,
    const char *const *words, uint32_t count);
void vuln_put_threats(struct maker *m, struct fact *vuln);
#endif
