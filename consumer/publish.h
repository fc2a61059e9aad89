/* publish.h -- snapshots: the folder DATA/publish/, and the same files anywhere.
 *
 * A snapshot is there whole or not at all, and so is what `latest` points to. Who has opened one keeps it, also when it
 * is removed since publish.keep newer ones have come. */
#ifndef PUBLISH_H
#define PUBLISH_H
#include <stdbool.h>
#include "qidflow/v1/cluster.pb-c.h"

struct config;
struct db;

enum { PUBLISH_NAME = 64, PUBLISH_WHY = 512 };

/* Of [publish], [enrich.NAME] and [due], where one setting asks for another. false: logged, a settings error. */
bool publish_settings_are_good(const struct config *c);

/* The run has this snapshot now, if it had none since publish.sql was wrong. By who holds DATA/lock. false: logged. */
bool publish_is_mended(const char *database, uint64_t run, const char *name);

typedef bool publish_may_fn(void *arg); /* false: logged */
/* Makes DATA/publish/<start of the run>/ from the working database, which has no open transaction, and points `latest`
 * to it. `may` is asked once more before it gets its name; NULL: it may. ret_name: its name, "" where publish.formats is
 * none, and where publish.sql is wrong: then ret_refused says what is (logged), else it is "". false: logged, or stop was
 * requested; then nothing of it is there, and it can be tried again. */
bool publish_run(const struct config *c, struct db *working, const Qidflow__V1__RunStatus *complete,
    publish_may_fn *may, void *arg, char ret_name[static PUBLISH_NAME], char ret_refused[static PUBLISH_WHY]);

/* The same files from any database of ours, a snapshot too, also while a run is going on, into a folder that is empty or
 * not there. manifest.json comes last. false: logged, or stop was requested; the folder is as it was. */
bool export_database(const struct config *c, const char *database, const char *to_folder);

/* Removes what an interrupted snapshot left. At start, and only by who holds DATA/lock. */
void publish_clean(const struct config *c);
#endif
