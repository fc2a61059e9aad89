/* published.h -- the newest snapshot of DATA/publish, held: publish.keep does not remove it meanwhile.
 *
 * A hold is a shared lock of the folder, which ends with the process and with children that inherited it; who removes a snapshot first asks for the other kind
 * (publish_folder.c). */
#ifndef PUBLISHED_H
#define PUBLISHED_H
#include <stdbool.h>
#include "sum.h"

enum { PUBLISHED_NAME = 64 };

struct published {
	char name[PUBLISHED_NAME]; /* 20261124T030000Z */
	char *folder;
	char sum[SUM_HEX]; /* of its manifest.json: two of the same name are the same */
	int hold;
};

/* Its name as `latest` says it now; "": there is none. Costs one readlink(). */
void published_newest(const char *data, char ret_name[static PUBLISHED_NAME]);
/* 1: held; 0: there is none yet; -1: logged. */
int published_hold(const char *data, struct published *ret);
void published_release(struct published *p);
#endif
