/* leader.h -- being the one coordinator of a prefix. What a command of its own process calls, in this order:
 *
 *   kafka_topics_make(), kafka_open()      topics and transport, the command's
 *   leader_open()                          leads from here on, or says who does
 *   leader_run() once per run; between two of them leader_rest(), which keeps leading and reads nothing
 *   leader_close(), transport_close()
 *
 * Who reads the one partition of qidflow.reports leads. When that is lost -- to another, or by having been frozen for too long -- nothing
 * is sent any more, the run ends with STATUS_FAILED, and whoever leads next goes on from where it was. SIGTERM: leader_run() and
 * leader_rest() end, leader_stopped() tells the status to exit with. */
#ifndef LEADER_H
#define LEADER_H
#include <stdbool.h>
#include <stdint.h>
#include "exit_status.h"

struct config;
struct transport;
struct leader;

enum { LEADER_STANDBY = -1 };
/* name: host, process and start, unique, the `member` of kafka_open(). Where another leads: says for whom it waits at once and each 30 s,
 * at most patience_ms (0: not at all; LEADER_STANDBY: as long as it takes), so that one who was killed a moment ago is not
 * taken for alive. STATUS_COMPLETE: leads, and *ret is to be closed. Else the status to exit with, logged. */
enum exit_status leader_open(
    const struct config *c, struct transport *t, const char *name, int64_t patience_ms, struct leader **ret);
/* NULL is fine. Leaves the group only with transport_close(). */
void leader_close(struct leader *l);

/* One run, as coordinator_run() (coordinator.h). After STATUS_FAILED look at leader_leads(). */
enum exit_status leader_run(struct leader *l, bool full, bool confirm_purge);
/* Waits so long for the next run. false: it is not to be: stopped, or leads no more (logged). */
bool leader_rest(struct leader *l, int64_t ms);
bool leader_leads(const struct leader *l);
enum exit_status leader_stopped(const struct leader *l); /* by a signal: 128 + it; else STATUS_FAILED */
#endif
