/* temporary.c -- a folder for one test. */
#include "temporary.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPEN_MOST = 8 };

bool temporary_make(char ret_path[static TEMPORARY_PATH])
{
	snprintf(ret_path, TEMPORARY_PATH, "/tmp/qidflow-test-XXXXXX");
	return mkdtemp(ret_path) != NULL;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *where)
{
	(void)s;
	(void)type;
	(void)where;
	return remove(path);
}

bool temporary_remove(const char *path)
{
	return nftw(path, remove_one, OPEN_MOST, FTW_DEPTH | FTW_PHYS) == 0;
}
