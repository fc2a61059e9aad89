/* host_facts.h -- what the Host List and the detections say of a host. */
#ifndef SIM_HOST_FACTS_H
#define SIM_HOST_FACTS_H
#include "facts.h"
#include "maker.h"
#include "host.h"

struct fact *host_list_facts(struct facts *f, const struct world *w, const struct host *h);
struct fact *detection_host_facts(
    struct facts *f, const struct world *w, const struct host *h); /* all but its list */

/* When its last scan ran; processed a little later: the two times that its detections speak of. */
int64_t host_scanned_s(const struct host *h);

/* host_nested.c */
void host_put_dns_data(struct maker *m, struct fact *host, const char *name, const char *domain);
void host_put_tags(struct maker *m, struct fact *host, uint64_t key);
void host_put_metadata(struct maker *m, struct fact *host, unsigned cloud);
void host_put_cloud_tags(struct maker *m, struct fact *host);
void host_put_user_def(struct maker *m, struct fact *host);
void host_put_factors(struct maker *m, struct fact *host);
#endif
