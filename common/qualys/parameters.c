/* parameters.c -- what is posted. */
#include "parameters.h"
#include <ctype.h>
#include <string.h>
#include "buffer.h"

/* The value that `changes` gives to the name of `pair`; NULL: none. */
static const char *change_of(const char *changes, const char *name, size_t name_size, size_t *ret_size)
{
	const char *p = changes;

	while (*p) {
		size_t len = strcspn(p, "&");

		if (len > name_size && p[name_size] == '=' && memcmp(p, name, name_size) == 0) {
			*ret_size = len - name_size - 1;
			return p + name_size + 1;
		}
		p += len + (p[len] == '&');
	}
	return NULL;
}

static bool separate(struct buffer *to)
{
	return to->size == 0 || buffer_add(to, "&", 1);
}

/* Of names, or of pairs. */
static bool is_in(const char *const *list, const char *name, size_t size)
{
	for (; *list; list++)
		if (strcspn(*list, "=") == size && memcmp(*list, name, size) == 0)
			return true;
	return false;
}

static bool add_new_ones(
    struct buffer *to, const char *const *defaults, const char *const *reserved, const char *changes)
{
	const char *p = changes;

	while (*p) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=&");

		if (name && len > name + 1 && !is_in(defaults, p, name) && !is_in(reserved, p, name))
			if (!separate(to) || !buffer_add(to, p, len))
				return false;
		p += len + (p[len] == '&');
	}
	return true;
}

bool parameters_write(
    struct buffer *to, const char *const *defaults, const char *const *reserved, const char *changes)
{
	for (const char *const *d = defaults; *d; d++) {
		size_t name = strcspn(*d, "="), size;
		const char *value = is_in(reserved, *d, name) ? NULL : change_of(changes, *d, name, &size);

		if (value && size == 0)
			continue;
		if (!separate(to) || !buffer_add(to, *d, name + 1))
			return false;
		if (!(value ? buffer_add(to, value, size) : buffer_add_text(to, *d + name + 1)))
			return false;
	}
	return add_new_ones(to, defaults, reserved, changes);
}

const char *parameters_wrong(const char *changes, const char *const *reserved, size_t *ret_size)
{
	const char *p = changes;

	while (*p) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=&");

		if (!name || name == len || is_in(reserved, p, name)) {
			*ret_size = len;
			return p;
		}
		p += len + (p[len] == '&');
	}
	return NULL;
}

bool parameters_add(struct buffer *to, const char *name, const char *value)
{
	if (!separate(to) || !buffer_printf(to, "%s=", name))
		return false;
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		bool plain = isalnum(c) || strchr("-._~,", c) != NULL;

		if (!(plain ? buffer_add(to, value, 1) : buffer_printf(to, "%%%02X", c)))
			return false;
	}
	return true;
}
