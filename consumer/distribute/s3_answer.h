/* s3_answer.h -- what an S3 server's XML says.
 *
 * Its answers are elements without attributes that matter, of known names, some kB; so a text is found by its element's
 * name, where it stands first. What is not of this form is not found, and what is not found is an answer that breaks off. */
#ifndef S3_ANSWER_H
#define S3_ANSWER_H
#include <stdbool.h>
#include <stddef.h>

struct s3_text {
	const char *at;
	size_t size;
};

/* The inside of the next <name> in `in`, which is moved behind it. false: there is none. */
bool s3_answer_next(struct s3_text *in, const char *name, struct s3_text *ret);
/* The text of the first <name>, entities and all; false: there is none, or it does not fit. */
bool s3_answer_text(struct s3_text in, const char *name, char *to, size_t room);
#endif
