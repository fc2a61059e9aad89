/* sum.h -- SHA-256 of what is sent, in the forms in which manifests and servers want it. */
#ifndef SUM_H
#define SUM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SUM_HEX = 65, SUM_BASE64 = 45, SUM_PIECE = 1 << 20 };

struct sum;
struct sum *sum_open(void);
void sum_add(struct sum *s, const void *data, size_t size);
void sum_close(struct sum *s, char ret_hex[static SUM_HEX]);

void sum_of(const void *data, size_t size, char ret_hex[static SUM_HEX]);
void sum_base64(const char hex[static SUM_HEX], char ret[static SUM_BASE64]);

/* Of `bytes` of an open file from `from` on; is_over(arg) is asked between pieces. false: over, cut off, or errno. */
bool sum_of_part(int fd, uint64_t from, uint64_t bytes, bool (*is_over)(void *arg), void *arg,
    char ret_hex[static SUM_HEX]);
#endif
