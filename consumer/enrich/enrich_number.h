/* enrich_number.h -- which texts are numbers. */
#ifndef ENRICH_NUMBER_H
#define ENRICH_NUMBER_H
#include <stdbool.h>

bool enrich_is_number(const char *s); /* however it is written: 0.00310, 1E-5, 007 */
enum enrich_form {                    /* what a number would make of a text, from good to bad */
	FORM_EXACT,                   /* shown again as it stands */
	FORM_OTHERWISE,               /* 12.50, 1E5: shown otherwise, and as much is said by it */
	FORM_LOSSY,                   /* 007, -0, more than 15 digits */
	FORM_WORD                     /* is none */
};
enum enrich_form enrich_number_form(const char *s);
#endif
