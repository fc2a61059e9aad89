/* stop.h -- SIGINT, SIGTERM and whoever else says that the process shall end.
 *
 * A flag that every loop looks at, and a file descriptor that wakes what sleeps in poll(). The second signal
 * kills; where a drain comes first, the first one begins the drain, the second stops and the third kills. */
#ifndef STOP_H
#define STOP_H
#include <stdbool.h>
#include <stdint.h>

bool stop_open(void);               /* installs the handlers; SIGPIPE is ignored */
void stop_request(int signal_or_0); /* from any thread or handler */
bool stop_requested(void);
int stop_signal(void); /* the signal, 0: none */
int stop_fd(void);     /* readable once stop was requested; -1 before stop_open() */

/* While it is on, the first signal is no stop: stop_draining() is true from then on, for good, and nothing is woken. */
void stop_drain_first(bool on);
bool stop_draining(void);

/* Sleeps, at most so long. false: stop was requested. */
bool stop_sleep_ms(int64_t ms);
#endif
