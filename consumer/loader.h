/* loader.h -- the only writer of the database. Applies hosts, detections and vulnerabilities, keeps its
 * position beside the rows, reports it, and publishes a snapshot when a run is complete. */
#ifndef LOADER_H
#define LOADER_H
#include <stdbool.h>

struct config;
struct transport;

enum loader_end {
	LOADER_STOPPED, /* the transport is closed; what was read is committed */
	LOADER_AGAIN,   /* the topics were made anew (logged): open the transport again, then call again */
	LOADER_FAILED   /* disk full, fenced, a position that is gone (logged, with the remedy) */
};
/* Works until the transport is stopped. Nothing that was reported is lost, however it ends. */
enum loader_end loader_run(const struct config *c, struct transport *t);

/* For `qidflow loader --rebuild`, by who holds DATA/lock: moves DATA/qidflow.sqlite aside, to qidflow.sqlite.replaced, and says so.
 * The next loader_run() builds it anew from the topics. Nothing to move is fine. false: logged. */
bool loader_rebuild_prepare(const struct config *c);
#endif
