/* role.h -- what the commands of single roles share: the settings that they cannot do without, what they are called, and
 * that a signal ends their transport. */
#ifndef ROLE_H
#define ROLE_H
#include <stdbool.h>

struct config;
struct transport;

/* Said where they are missing, with how to set them. */
bool role_has_api(struct config *c); /* reads the password, too */
bool role_has_broker(const struct config *c);

/* "fetcher@host:pid:since", as brokers and logs show it: unique per process and start. To be freed. */
char *role_name(const char *role);

/* A thread that stops the transport once a stop is requested (stop.h). Open it when the transport is, close it before. */
struct role_watch;
struct role_watch *role_watch_open(struct transport *t); /* NULL: logged */
void role_watch_close(struct role_watch *w);             /* NULL is fine */

/* A fresh page costs more than parsing what goes into it: what was given back stays with the process, and threads
 * share a few heaps. Before anything is allocated. */
void role_keep_memory(void);
#endif
