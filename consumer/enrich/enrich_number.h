/* enrich_number.h -- which texts are numbers. */
#ifndef ENRICH_NUMBER_H
#define ENRICH_NUMBER_H
#include <stdbool.h>

bool enrich_is_number(const char *s);       /* however it is written: 0.00310, 1E-5, 007 */
bool enrich_number_is_exact(const char *s); /* and would be shown again as it stands: not 1.10, 1E5, 007 */
#endif
