/* loader.h -- the only writer of the database. Applies hosts, detections and vulnerabilities, keeps its
 * position beside the rows, reports it, and publishes a snapshot when a run is complete. */
#ifndef LOADER_H
#define LOADER_H
#include <stdbool.h>

struct config;
struct transport;

/* Works until the transport is stopped; then commits what it has read and returns. false: it could not go on:
 * disk full, fenced, a position that is gone (logged, with the remedy). Nothing that was reported is lost. */
bool loader_run(const struct config *c, struct transport *t);
#endif
