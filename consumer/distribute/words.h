/* words.h -- a command line as words, without a shell. */
#ifndef WORDS_H
#define WORDS_H
#include <stdbool.h>

/* Blanks set words apart, but for those within "…" or '…'; nothing else is special. NULL-ended, words_free() it.
 * NULL: there is no word, or a quote is not closed. */
char **words_split(const char *text);
void words_free(char **words); /* NULL is fine */
#endif
