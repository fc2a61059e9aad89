/* drift.h -- elements that the API has and qidflow does not know: its schema moved on. */
#ifndef DRIFT_H
#define DRIFT_H

/* Logs it, once per name and process, whichever thread met it first. From any thread. */
void drift_tell(const char *name, const char *parent);
#endif
