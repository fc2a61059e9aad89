/* qid_set.h -- the distinct QIDs of one call: open addressing, since it is asked once a detection. */
#ifndef QID_SET_H
#define QID_SET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qid_set {
	uint32_t *v; /* 0: free */
	size_t n, room;
};

/* false: it holds CEILING_BATCH_QIDS and this is another one. 0 is no QID. */
bool qid_set_add(struct qid_set *s, uint32_t qid);
size_t qid_set_list(const struct qid_set *s, uint32_t *ret); /* s->n of them, in no order */
void qid_set_close(struct qid_set *s);
#endif
