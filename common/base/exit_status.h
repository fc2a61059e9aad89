/* exit_status.h -- what a command tells its caller. Outsiders rely on the numbers. */
#ifndef EXIT_STATUS_H
#define EXIT_STATUS_H

enum exit_status {
	STATUS_COMPLETE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,      /* command line or settings */
	STATUS_INCOMPLETE = 3, /* complete, but something was given up or held back */
	STATUS_REFUSED = 4,    /* the API refuses our credentials or account */
	STATUS_SIGNAL = 128    /* + the signal that stopped us */
};
#endif
