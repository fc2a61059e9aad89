/* status_distribute.h -- what became of the targets of [distribute.NAME], as their states tell. */
#ifndef STATUS_DISTRIBUTE_H
#define STATUS_DISTRIBUTE_H
#include "state.h"

struct config;

enum { STATUS_REMEDY = 64 };

struct status_target {
	const char *name, *type; /* the config's */
	struct target_state state;
	char newest[PUBLISHED_NAME]; /* snapshot there is to send; "": none */
	const char *word;            /* "none", "sent", "behind", "failed", "sending", "hangs" */
	char remedy[STATUS_REMEDY];  /* the command that catches up; "": none is needed */
};

/* free() *ret. false: logged. */
bool status_targets_read(const struct config *c, struct status_target **ret, size_t *ret_n);
void status_targets_print(const struct status_target *v, size_t n);
#endif
