/* loader_runs.h -- what RunStatus says, and publishing. */
#ifndef LOADER_RUNS_H
#define LOADER_RUNS_H
#include "loader_state.h"

/* The topics were made anew since we opened them: sets l->again, logged. */
bool loader_runs_stream_is_over(struct loader *l);
bool loader_runs_take(struct loader *l, const struct message *m); /* within a transaction */
/* Between transactions: publishes the run whose COMPLETE is here and whose ends we have passed. false: stop. */
bool loader_runs_settle(struct loader *l);
#endif
