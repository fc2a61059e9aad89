/* enrich_settings.h -- what the settings say of a source. */
#ifndef ENRICH_SETTINGS_H
#define ENRICH_SETTINGS_H
#include "enrich_list.h"

struct config;
struct enrich_settings {                         /* of one section */
	const char *name, *file, *key, *columns; /* key "": the first column; columns "": all others */
	const char *numbers;
	char separator;
	enum enrich_match match;
	enum enrich_several several;
	char fingerprint[1024]; /* of all but the file */
};
void enrich_settings_of(const struct config *c, const char *name, struct enrich_settings *ret);
#endif
