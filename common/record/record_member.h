/* record_member.h -- a field of a message by its offset, for record*.c only. */
#ifndef RECORD_MEMBER_H
#define RECORD_MEMBER_H

#define MEMBER(type, m, offset)       (*(type *)(void *)((char *)(m) + (offset)))
#define CONST_MEMBER(type, m, offset) (*(type const *)(const void *)((const char *)(m) + (offset)))
#endif
