/* words.c -- a command line as words, without a shell: nothing that a settings file says is ever run by one. */
#include "words.h"
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Behind the word; NULL: a quote is not closed. */
static const char *take_word(const char *p, char *to)
{
	char quote = '\0';

	for (; *p && (quote || !is_blank(*p)); p++) {
		if (quote && *p == quote)
			quote = '\0';
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else
			*to++ = *p;
	}
	*to = '\0';
	return quote ? NULL : p;
}

char **words_split(const char *text)
{
	char **words = xcalloc(1, sizeof(*words)), *word = xmalloc(strlen(text) + 1);
	size_t n = 0;
	bool closed = true;

	for (const char *p = text + strspn(text, " \t"); *p; p += strspn(p, " \t")) {
		p = take_word(p, word);
		closed = p != NULL;
		if (!closed)
			break;
		words = xrealloc(words, (n + 2) * sizeof(*words));
		words[n++] = xstrdup(word);
		words[n] = NULL;
	}
	free(word);
	if (n && closed)
		return words;
	words_free(words);
	return NULL;
}

void words_free(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}
