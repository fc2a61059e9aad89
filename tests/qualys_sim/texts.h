/* texts.h -- invented texts: what a reader must read, before any encoding. With `odd` some hold what breaks readers:
 * quotes, tabs, runs of spaces, white space at the ends, emoji, ]]>, CR, and U+FFFD, which stands for a place where
 * the XML has something that cannot be read (xml_text.c chooses what). */
#ifndef SIM_TEXTS_H
#define SIM_TEXTS_H
#include <stdbool.h>
#include "dice.h"
#include "facts.h"

#define TEXT_BROKEN "\xef\xbf\xbd" /* U+FFFD */

char *text_results(struct facts *f, struct dice *d, bool odd); /* log-normal, 4 bytes to 20 kB */
char *text_phrase(struct facts *f, struct dice *d, bool odd, unsigned count); /* about that many words */
char *text_with_oddities(struct facts *f, struct dice *d, const char *text, unsigned count);
char *text_paragraphs(
    struct facts *f, struct dice *d, bool odd, unsigned count); /* with HTML, as in the KB */
#endif
