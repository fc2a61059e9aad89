/* types.h -- the types of targets, for the table of distribute.c alone. */
#ifndef TYPES_H
#define TYPES_H
#include "distribute.h"

extern const struct distribute_ops distribute_command, distribute_directory, distribute_postgresql,
    distribute_s3;
#endif
