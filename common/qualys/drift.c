/* drift.c -- elements that the API has and qidflow does not know.
 *
 * Each thread has readers of its own, and each of them meets a new element; one line is enough for all. The
 * list of names has an end, and so has what an API that sends nonsense can make us log. */
#include "drift.h"
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include "ceilings.h"
#include "log.h"

enum { NAMES = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[NAMES][CEILING_XML_NAME];
static int n_names;

/* Names that agree in their first CEILING_XML_NAME - 1 bytes are one. */
static bool is_told(const char *name)
{
	size_t size = strnlen(name, CEILING_XML_NAME - 1);

	for (int i = 0; i < n_names; i++)
		if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
			return true;
	return false;
}

/* What is in an unknown element is not worth a line of its own. */
static bool take(const char *name, const char *parent)
{
	if (n_names == NAMES || is_told(name) || is_told(parent))
		return false;
	memcpy(names[n_names++], name, strnlen(name, CEILING_XML_NAME - 1));
	return true;
}

void drift_tell(const char *name, const char *parent)
{
	pthread_mutex_lock(&lock);
	bool new = take(name, parent);
	pthread_mutex_unlock(&lock);
	if (new)
		log_line(LOG_WARN,
		    "the API sends %.64s in %.64s, which this version does not know: it is skipped; is there "
		    "a newer one?",
		    name, parent);
}
