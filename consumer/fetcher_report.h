/* fetcher_report.h -- what a fetcher tells the coordinator. Each is sent on TOPIC_REPORTS with the key
 * `sender`. */
#ifndef FETCHER_REPORT_H
#define FETCHER_REPORT_H
#include "delivery.h"
#include "fetcher_call.h"

/* false: stopped, or refused (transport_send()). */
bool fetcher_report_slots(struct transport *t, const char *sender, const uint32_t *slots, size_t n);
/* highest: the number that the slot has come to, where that is why; 0: it was begun. */
bool fetcher_report_lost(struct transport *t, const char *sender, int32_t slot, uint64_t run, uint64_t number,
    uint64_t highest, struct delivery *d);
/* We had begun it and live, but its slot is another's: nothing more comes of it. Not charged. */
bool fetcher_report_let_go(
    struct transport *t, const char *sender, int32_t slot, uint64_t run, uint64_t number, struct delivery *d);
/* We had begun it and what came was refused: outcome UNDELIVERED or TOO_LARGE, and why. */
bool fetcher_report_undelivered(
    const struct fetcher_call *c, const struct delivery_refusal *why, struct delivery *d);
bool fetcher_report_ended(const struct fetcher_call *c, const struct api_answer *a, struct delivery *d);
bool fetcher_report_fetched(const struct fetcher_call *c, const struct api_answer *a, struct delivery *d);
#endif
