/* command.c -- a program of the user's, told in its environment where the snapshot is.
 *
 *   QIDFLOW_TARGET            the target's name            QIDFLOW_SNAPSHOT         20261124T030000Z
 *   QIDFLOW_SNAPSHOT_FOLDER   the folder of its files       QIDFLOW_MANIFEST         its manifest.json
 *   QIDFLOW_SNAPSHOT_SHA256   that one's sum: with the name, what tells one snapshot from any other
 *
 * Its words are those of the setting; no shell is between. What it prints is logged, a line each. Exit status 0: sent; any
 * other: tried again. One that was ended when its work was done is called again, too: at least once. It has a process group
 * of its own, which is ended with it, and when its time is over; and it holds the target's lock and the snapshot, so that one
 * that outlives us keeps a second one away, and finds its files to the end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "log.h"
#include "types.h"
#include "utf8.h"
#include "words.h"
#include "xalloc.h"

enum {
	LINE = 1000,
	LAST = 200,
	LINES_MOST = 1000,
	SLICE_MS = 50,
	TERM_MS = 2000,
	NOT_FOUND = 127,
	NOT_RUNNABLE = 126
};

static char **words_of(const struct config *c, const char *name)
{
	return words_split(config_text(c, distribute_setting(name, "command")));
}

static char *describe(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY])
{
	char **words = words_of(c, name);
	char *text = words ? xasprintf("command %s", words[0]) : NULL;

	if (!words)
		snprintf(ret_why, DISTRIBUTE_WHY,
		    "[distribute.%s]: command must be a program and its words, those with blanks in "
		    "\"quotes\"",
		    name);
	words_free(words);
	return text;
}

/* ---- its environment */

static bool is_secret(const char *pair)
{
	size_t n = strcspn(pair, "=");

	for (const struct option *o = options; o->name; o++)
		if (o->type == OPTION_SECRET && o->environment && strlen(o->environment) == n &&
		    memcmp(o->environment, pair, n) == 0)
			return true;
	return false;
}

/* Ours behind: the first of a name counts for nobody twice, since ours are not of the settings. */
static char **environment(const struct distribute_job *job)
{
	size_t n = 0, k = 0;
	char **all;
	char *folder = realpath(job->folder, NULL);
	const char *at = folder ? folder : job->folder;

	while (environ[n])
		n++;
	all = xcalloc(n + 6, sizeof(*all));
	for (size_t i = 0; i < n; i++)
		if (!is_secret(environ[i]) && strncmp(environ[i], "QIDFLOW_SNAPSHOT", 16) != 0 &&
		    strncmp(environ[i], "QIDFLOW_MANIFEST=", 17) != 0 &&
		    strncmp(environ[i], "QIDFLOW_TARGET=", 15) != 0)
			all[k++] = xstrdup(environ[i]);
	all[k++] = xasprintf("QIDFLOW_TARGET=%s", job->name);
	all[k++] = xasprintf("QIDFLOW_SNAPSHOT=%s", job->snapshot);
	all[k++] = xasprintf("QIDFLOW_SNAPSHOT_SHA256=%s", job->sum);
	all[k++] = xasprintf("QIDFLOW_SNAPSHOT_FOLDER=%s", at);
	all[k] = xasprintf("QIDFLOW_MANIFEST=%s/manifest.json", at);
	free(folder);
	return all;
}

/* ---- it runs */

struct child {
	struct distribute_job *job;
	pid_t pid;
	int out;
	char line[LINE], last[LAST];
	size_t n, lines;
	bool cut; /* the line is longer */
};

static int spawn(struct child *k, char **words, char **env, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, normal;

	sigemptyset(&none);
	sigemptyset(&normal);
	sigaddset(&normal, SIGPIPE);
	sigaddset(&normal, SIGINT);
	sigaddset(&normal, SIGTERM);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, k->job->lock, k->job->lock); /* inherited */
	posix_spawn_file_actions_adddup2(&actions, k->job->hold, k->job->hold);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &normal);
	posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int error = posix_spawnp(&k->pid, words[0], &actions, &attr, words, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* Logs are read on terminals, and the state as JSON: no control characters, of C1 neither, and nothing that is no UTF-8. */
static void clean(char *text)
{
	while (*text) {
		unsigned n = utf8_size(text);
		bool control = (unsigned char)*text < ' ' || *text == 0x7f ||
			       (n == 2 && (unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0);

		if (!n || control)
			memset(text, control ? ' ' : '?', n ? n : 1);
		text += n ? n : 1;
	}
}

static void end_line(struct child *k)
{
	if (!k->n)
		return;
	k->line[k->n] = '\0';
	snprintf(k->last, sizeof(k->last), "%.*s", LAST - 1, k->line);
	clean(k->line);
	clean(k->last);
	if (k->lines++ < LINES_MOST)
		log_line(LOG_INFO, "%s%s", k->line, k->cut ? "…" : "");
	k->n = 0;
	k->cut = false;
}

static void take(struct child *k, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bool ends = data[i] == '\n' || data[i] == '\r';

		if (ends)
			end_line(k);
		else if (k->n == LINE - 1)
			k->cut = true;
		else
			k->line[k->n++] = data[i] ? data[i] : ' ';
	}
}

/* false: nobody writes any more. */
static bool listen_for(struct child *k, int ms)
{
	struct pollfd on = {.fd = k->out, .events = POLLIN};
	char data[4096];
	ssize_t n = 0;

	if (poll(&on, 1, ms) <= 0)
		return true;
	n = read(k->out, data, sizeof(data));
	if (n > 0)
		take(k, data, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

/* Its status; it and what it started is gone when this returns. */
static int wait_for(struct child *k, bool *ret_over)
{
	int status = 0;
	int64_t told_ms = 0;
	bool listens = true;

	*ret_over = false;
	while (!has_ended(k->pid)) {
		if (!told_ms && distribute_is_over(k->job)) {
			*ret_over = true;
			told_ms = clock_ms();
			kill(-k->pid, SIGTERM);
		}
		if (told_ms && clock_ms() - told_ms > TERM_MS)
			kill(-k->pid, SIGKILL);
		if (listens)
			listens = listen_for(k, SLICE_MS);
		else
			poll(NULL, 0, SLICE_MS);
	}
	kill(-k->pid, SIGKILL); /* what it left; its number is its own until it is waited for */
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	fcntl(k->out, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < LINES_MOST && listens; i++) {
		struct pollfd on = {.fd = k->out, .events = POLLIN};

		listens = poll(&on, 1, 0) > 0 && listen_for(k, 0);
	}
	end_line(k);
	if (k->lines > LINES_MOST)
		log_line(LOG_INFO, "… and %zu more lines", k->lines - LINES_MOST);
	return status;
}

static enum distribute_end judge(struct child *k, int status, bool over)
{
	const char *colon = *k->last ? ": " : "";

	if (over)
		return distribute_over(k->job);
	if (WIFSIGNALED(status))
		return distribute_say(k->job, DISTRIBUTE_RETRY, "the program was ended by signal %d%s%s",
		    WTERMSIG(status), colon, k->last);
	if (WEXITSTATUS(status) == NOT_FOUND || WEXITSTATUS(status) == NOT_RUNNABLE)
		return distribute_say(k->job, DISTRIBUTE_REFUSED,
		    "the program ended with status %d: it, or one that it runs, cannot be run%s%s",
		    WEXITSTATUS(status), colon, k->last);
	if (WEXITSTATUS(status) != 0)
		return distribute_say(k->job, DISTRIBUTE_RETRY, "the program ended with status %d%s%s",
		    WEXITSTATUS(status), colon, k->last);
	snprintf(k->job->how, sizeof(k->job->how), "%s", k->last);
	return DISTRIBUTE_SENT;
}

static enum distribute_end run(struct distribute_job *job, char **words, char **env)
{
	struct child *k = xcalloc(1, sizeof(*k));
	int ends[2];
	enum distribute_end end = DISTRIBUTE_RETRY;

	k->job = job;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		end = distribute_say(job, end, "cannot make a pipe: %s", strerror(errno));
	} else {
		int error = spawn(k, words, env, ends[1]), status;
		bool over = false;

		k->out = ends[0];
		close(ends[1]);
		if (error) {
			end =
			    distribute_say(job, error == EAGAIN || error == ENOMEM ? end : DISTRIBUTE_REFUSED,
				"cannot run %s: %s", words[0], strerror(error));
		} else {
			status = wait_for(k, &over);
			end = judge(k, status, over);
		}
		close(ends[0]);
	}
	free(k);
	return end;
}

static enum distribute_end send(struct distribute_job *job)
{
	char **words = words_of(job->config, job->name), **env = environment(job);
	enum distribute_end end = run(job, words, env);

	words_free(words);
	words_free(env);
	return end;
}

/* ---- check */

static bool is_runnable(const char *path)
{
	return access(path, X_OK) == 0;
}

static bool is_in_path(const char *name)
{
	const char *p = getenv("PATH");
	bool found = false;

	while (p && *p && !found) {
		size_t n = strcspn(p, ":");
		char *path = xasprintf("%.*s/%s", (int)n, p, name);

		found = is_runnable(path);
		free(path);
		p += n + (p[n] != '\0');
	}
	return found;
}

static bool check(struct distribute_job *job)
{
	char **words = words_of(job->config, job->name);
	bool found = strchr(words[0], '/') ? is_runnable(words[0]) : is_in_path(words[0]);

	if (found)
		snprintf(job->how, sizeof(job->how), "can be run");
	else
		distribute_say(job, DISTRIBUTE_REFUSED, "%s is not there, or may not be run", words[0]);
	words_free(words);
	return found;
}

const struct distribute_ops distribute_command = {.type = "command",
    .describe = describe,
    .settings = (const char *const[]){"command", NULL},
    .check = check,
    .send = send};
