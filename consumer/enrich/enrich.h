/* enrich.h -- your own files joined to hosts and vulnerabilities: [enrich.NAME] and [due] of the settings.
 *
 * A source is read anew when its file changed, and hosts and QIDs get its values when they or it changed. A source that is
 * missing or broken never stops a run: what was loaded last stays, qidflow_enrich and the log say which and why. */
#ifndef ENRICH_H
#define ENRICH_H
#include <stdbool.h>
#include <stdint.h>

struct config;
struct db;
struct enrich_run {   /* the run that is loaded */
	int64_t run;  /* 0: none, a trial: enrich_check() tells of the sources, not the log */
	int64_t at_s; /* its time by the API's clock */
};

bool enrich_settings_are_good(const struct config *c); /* false: logged, a settings error */
/* Is there anything to be done? Without settings of it, and without anything of it in the database, nothing is. */
bool enrich_is_used(const struct config *c, struct db *d, bool *ret_used); /* false: logged */

/* Brings the database to what settings and files say now. Within a transaction of the caller's, who makes the views anew
 * after it. false: the database refuses, or stop was requested: roll back. */
bool enrich_load(const struct config *c, struct db *d, const struct enrich_run *run);

enum { ENRICH_TEXT = 4096 };
struct enrich_report { /* of one source, and of due.earlier */
	char name[64]; /* enrich.owner */
	bool is_good,
	    is_perfect; /* it can be read; and all of it, and each row and each host has a counterpart */
	char text[ENRICH_TEXT];
};
typedef void enrich_report_fn(void *arg, const struct enrich_report *r);
/* Reads all sources, and tries them on the hosts and QIDs of `d`, which is only read. false: logged. */
bool enrich_check(const struct config *c, struct db *d, enrich_report_fn *fn, void *arg);
#endif
