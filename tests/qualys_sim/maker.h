/* maker.h -- facts with chance: now and then a number that is none, an empty text, liberties in the XML. Of ids and
 * keys nothing is left to chance: those are made with facts_number. */
#ifndef SIM_MAKER_H
#define SIM_MAKER_H
#include "dice.h"
#include "facts.h"
#include "texts.h"

struct maker {
	struct facts *f;
	struct dice d;
	bool odd; /* with traps */
};

struct fact *maker_liberty(struct maker *m, struct fact *x); /* its XML may be odd */
struct fact *maker_text(struct maker *m, struct fact *parent, const char *name, const char *text); /* CDATA */
struct fact *maker_word(struct maker *m, struct fact *parent, const char *name, const char *text);
struct fact *maker_number(struct maker *m, struct fact *parent, const char *name, uint64_t n);
struct fact *maker_date(struct maker *m, struct fact *parent, const char *name, int64_t at_s);
struct fact *maker_phrase(struct maker *m, struct fact *parent, const char *name, unsigned words);
enum { MAKER_OLD_S = 1640995200, MAKER_OLD_SPAN_S = 63000000 };
/* A time in 2022 or 2023: before everything that the simulator does. */
int64_t maker_old_time(struct maker *m);
#endif
