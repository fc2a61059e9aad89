/* secret.c -- the password, from where nobody else can read it.
 *
 * qualys.password itself comes from the environment or a private settings file. Of it and
 * qualys.password_file the one counts that was set later. */
#include "secret.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "config.h"
#include "log.h"

__attribute__((format(printf, 2, 3))) static bool because(
    char ret_why[static SECRET_WHY], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, SECRET_WHY, format, args);
	va_end(args);
	return false;
}

static bool read_all(int fd, const char *path, char *to, size_t *ret_size, char *ret_why)
{
	size_t size = 0;
	ssize_t n;

	while ((n = read(fd, to + size, SECRET_SIZE - size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return because(
			    ret_why, "cannot read the password file %s: %s", path, strerror(errno));
		size += (size_t)n;
		if (size == SECRET_SIZE)
			return because(ret_why,
			    "the password file %s is too long: it holds the password and nothing else", path);
	}
	*ret_size = size;
	return true;
}

static bool take_line(const char *path, char *text, size_t size, char *ret_why)
{
	if (size && text[size - 1] == '\n')
		size--;
	if (size && text[size - 1] == '\r')
		size--;
	text[size] = '\0';
	if (!size)
		return because(ret_why, "the password file %s is empty", path);
	if (strlen(text) != size || strpbrk(text, "\r\n"))
		return because(ret_why, "the password file %s must hold one line", path);
	return true;
}

bool secret_read_file(const char *path, char ret_text[static SECRET_SIZE], char ret_why[static SECRET_WHY])
{
	struct stat st;
	size_t size = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool read = false;

	if (fd < 0)
		return because(ret_why, "cannot open the password file %s: %s", path, strerror(errno));
	if (fstat(fd, &st))
		because(ret_why, "cannot look at the password file %s: %s", path, strerror(errno));
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		because(ret_why, "the password file %s may be read by others (mode %03o): chmod 600 %s", path,
		    (unsigned)st.st_mode & 0777, path);
	else
		read =
		    read_all(fd, path, ret_text, &size, ret_why) && take_line(path, ret_text, size, ret_why);
	if (!read)
		explicit_bzero(ret_text, SECRET_SIZE);
	close(fd);
	return read;
}

static bool read_file(struct config *c, const char *path)
{
	char text[SECRET_SIZE], why[SECRET_WHY];
	bool read = secret_read_file(path, text, why) ? config_set(c, "qualys.password", text, path)
						      : fail("%s", why);

	explicit_bzero(text, sizeof(text));
	return read;
}

/* Without echo and without signals, which would leave the terminal mute; the key of SIGINT ends the line instead. */
static bool read_silently(FILE *tty, char *text, int size)
{
	struct termios normal, silent;

	if (tcgetattr(fileno(tty), &normal))
		return false;
	silent = normal;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = normal.c_cc[VINTR];
	if (tcsetattr(fileno(tty), TCSAFLUSH, &silent))
		return false;
	ssize_t n = read(fileno(tty), text, (size_t)size - 1);
	tcsetattr(fileno(tty), TCSAFLUSH, &normal);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return text[0] && !strchr(text, normal.c_cc[VINTR]);
}

static bool prompt(struct config *c)
{
	char text[SECRET_SIZE];
	FILE *tty = fopen("/dev/tty", "r+e");

	if (!tty)
		return false;
	fprintf(
	    tty, "Password of %s at %s: ", config_text(c, "qualys.username"), config_text(c, "qualys.url"));
	fflush(tty);
	bool read =
	    read_silently(tty, text, sizeof(text)) && config_set(c, "qualys.password", text, "prompt");
	fputc('\n', tty);
	explicit_bzero(text, sizeof(text));
	fclose(tty);
	return read;
}

bool secret_read(struct config *c, bool may_prompt)
{
	const char *path = config_text(c, "qualys.password_file");
	bool set = *config_text(c, "qualys.password");

	if (*path && (!set || config_is_later(c, "qualys.password_file", "qualys.password")))
		return read_file(c, path);
	if (set || (may_prompt && prompt(c)))
		return true;
	return fail("no password: set QIDFLOW_QUALYS_PASSWORD, or QIDFLOW_QUALYS_PASSWORD_FILE or "
		    "qualys.password_file to a file that only you can read");
}
