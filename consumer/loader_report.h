/* loader_report.h -- what the loader tells the coordinator. */
#ifndef LOADER_REPORT_H
#define LOADER_REPORT_H
#include "loader_state.h"

/* What is new since the last one, if anything; all that the database holds where l->tell_first is due. false: it cannot be
 * read, logged. */
bool loader_report(struct loader *l);
/* loader_first.c: the pieces of the first Report, in order. false: logged. */
bool loader_first(struct loader *l);
/* Sends what is new in Reports that are else like this one; the last of them is `last`. */
void loader_report_new(struct loader *l, const Qidflow__V1__Report *like, const Qidflow__V1__Report *last);
bool loader_report_send(
    struct loader *l, Qidflow__V1__Report *r); /* false: stopped, and the next poll says so */
#endif
