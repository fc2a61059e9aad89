/* loader_report.h -- what the loader tells the coordinator. */
#ifndef LOADER_REPORT_H
#define LOADER_REPORT_H
#include "loader_state.h"

bool loader_report_first(
    struct loader *l);                /* all that the database holds; false: it cannot be read, logged */
void loader_report(struct loader *l); /* what is new since the last one, if anything */
#endif
