/* coordinator.h -- one run: lists hosts and the KnowledgeBase, cuts host ids into batches, hands them out as
 * permissions, and decides when the run is complete. The only part that governs the API. Its memory is
 * progress.db. */
#ifndef COORDINATOR_H
#define COORDINATOR_H
#include <stdbool.h>
#include "exit_status.h"

struct config;
struct transport;

/* Takes up an interrupted run, or begins one; returns when the loader has reported it as complete and
 * published, or when it cannot be (logged), or when stop was requested. The transport stays open. */
enum exit_status coordinator_run(const struct config *c, struct transport *t, bool full, bool confirm_purge);
#endif
