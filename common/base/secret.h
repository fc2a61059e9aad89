/* secret.h -- the password: from a file, the environment, or a prompt on a terminal; never from an argument.
 *
 * A file that group or others can read is refused. The last line end of a file is not part of it. */
#ifndef SECRET_H
#define SECRET_H
#include <stdbool.h>

struct config;

/* Puts qualys.password in place. may_prompt: ask on /dev/tty when there is no other. false: logged with the
 * remedy. */
bool secret_read(struct config *c, bool may_prompt);

enum { SECRET_SIZE = 1024, SECRET_WHY = 384 };
/* The one line of such a file, for who wipes it when it was used. false: ret_why, with the remedy. */
bool secret_read_file(const char *path, char ret_text[static SECRET_SIZE], char ret_why[static SECRET_WHY]);
#endif
