/* status_cluster.h -- who takes part: leader, fetchers, the batches in hand, the API's budget, and how far Kafka's readers are. */
#ifndef STATUS_CLUSTER_H
#define STATUS_CLUSTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct db;
struct kafka_lag;

enum { STATUS_NAME = 320, STATUS_APIS = 4 };

struct status_budget { /* of one API, as the coordinator sees it; -1: not known */
	char api[24];
	int64_t at_once, running, calls, window_s, remaining, waits_until;
	int64_t at; /* it was noted, every 2 s while a run is on */
};

struct status_fetcher {
	char name[STATUS_NAME];
	int64_t slots, in_hand, heard_at;
};

struct status_sent { /* a batch that is being called, or waits in its slot */
	int64_t number, hosts, slot, sent_at;
	char fetcher[STATUS_NAME]; /* "": nobody holds the slot */
};

struct status_cluster {
	char leader[STATUS_NAME];
	int64_t leader_since;
	struct status_budget budgets[STATUS_APIS];
	struct status_fetcher *fetchers;
	struct status_sent *sent;
	struct kafka_lag *lags; /* NULL: not over Kafka, or not known */
	size_t n_budgets, n_fetchers, n_sent, n_lags;
};

/* From progress.db. false: logged. */
bool status_cluster_read(struct db *d, struct status_cluster *ret);
/* From the broker, where one is set. false: it does not answer, or refuses us (logged); all else stands. */
bool status_cluster_ask(const struct config *c, struct status_cluster *to);
void status_cluster_close(struct status_cluster *s);

/* Behind of one topic: messages that its reader has not committed, and partitions with such. */
struct status_behind {
	int64_t messages;
	size_t partitions, behind;
};
struct status_behind status_cluster_behind(const struct status_cluster *s, int topic);
#endif
