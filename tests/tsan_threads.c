/* tsan_threads.c -- C11's threads in terms of POSIX's, for programs under ThreadSanitizer that use librdkafka.
 *
 * ThreadSanitizer knows pthread_* alone: a thread that was made by thrd_create() crashes it, and what mtx_lock() orders it
 * does not see. glibc's types are the same beneath. Linked only into that build's tests. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(
    sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t), "glibc's");

struct start {
	thrd_start_t fn;
	void *arg;
};

static int result(int error)
{
	return !error               ? thrd_success
	       : error == ETIMEDOUT ? thrd_timedout
	       : error == EBUSY     ? thrd_busy
				    : thrd_error;
}

static void *run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	return (void *)(intptr_t)s.fn(s.arg);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's are of its own kind */
int thrd_create(thrd_t *t, thrd_start_t fn, void *arg)
{
	struct start *s = malloc(sizeof(*s));

	if (!s)
		return thrd_nomem;
	*s = (struct start){fn, arg};
	int error = pthread_create(t, NULL, run, s);
	if (error)
		free(s);
	return result(error);
}

int thrd_join(thrd_t t, int *ret)
{
	void *value;
	int error = pthread_join(t, &value);

	if (!error && ret)
		*ret = (int)(intptr_t)value;
	return result(error);
}

int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	if (type & mtx_recursive)
		pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	int error = pthread_mutex_init((pthread_mutex_t *)m, &a);
	pthread_mutexattr_destroy(&a);
	return result(error);
}

void mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy((pthread_mutex_t *)m);
}

int mtx_lock(mtx_t *m)
{
	return result(pthread_mutex_lock((pthread_mutex_t *)m));
}

int mtx_unlock(mtx_t *m)
{
	return result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

int cnd_init(cnd_t *c)
{
	return result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

void cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy((pthread_cond_t *)c);
}

int cnd_signal(cnd_t *c)
{
	return result(pthread_cond_signal((pthread_cond_t *)c));
}

int cnd_broadcast(cnd_t *c)
{
	return result(pthread_cond_broadcast((pthread_cond_t *)c));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
	return result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
	return result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
