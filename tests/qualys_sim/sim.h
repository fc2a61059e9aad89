/* sim.h -- the whole simulator: what the files that serve share. */
#ifndef SIM_SIM_H
#define SIM_SIM_H
#include <pthread.h>
#include <stdatomic.h>
#include "faults.h"
#include "limits.h"
#include "options.h"
#include "pool.h"
#include "request.h"
#include "stats.h"
#include "world.h"

struct sim {
	struct options options;
	struct world world;
	struct pool *pool;
	struct limits limits[APIS];
	struct stats stats;
	struct faults faults;
	_Atomic uint64_t call_numbers[APIS];
	atomic_bool account_expired;
	_Atomic double outage_503_until, refuse_from, refuse_until; /* by limits_clock */
	pthread_mutex_t control;                                    /* one change at a time */
	double started;
	struct MHD_Daemon *daemon;
	uint16_t port;
	int first_listener; /* the listener's thread takes it over */
};

/* By an outage. */
bool sim_refuses(const struct sim *s);

bool server_start(struct sim *s);
bool listener_start(struct sim *s);
/* What a correct database must hold now; shown: what the calls for hosts and for detections ask to see. */
bool expect_write(struct sim *s, const char *file, unsigned host_shown, unsigned detection_shown);
#endif
