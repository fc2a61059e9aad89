/* stream_id.h -- the id of a new stream: 128 random bits. */
#ifndef STREAM_ID_H
#define STREAM_ID_H
#include <stdbool.h>

enum { STREAM_ID = 33 };
bool stream_id_make(char ret[static STREAM_ID]); /* hexadecimal digits; false: logged */
#endif
