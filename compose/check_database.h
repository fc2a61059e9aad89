/* check_database.h -- a look at DATA's database, without writing. */
#ifndef CHECK_DATABASE_H
#define CHECK_DATABASE_H
#include <stdbool.h>
#include <stddef.h>

/* What was found, or what is wrong and the remedy. true: fine, also when there is none yet. deep: PRAGMA quick_check. */
bool check_database(const char *data, bool deep, char *ret_text, size_t size);
#endif
