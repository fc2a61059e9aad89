/* temporary.h -- a folder for one test, and its removal with all that is in it. */
#ifndef TEMPORARY_H
#define TEMPORARY_H
#include <stdbool.h>

enum { TEMPORARY_PATH = 64 };
bool temporary_make(char ret_path[static TEMPORARY_PATH]); /* under /tmp */
bool temporary_remove(const char *path);
#endif
