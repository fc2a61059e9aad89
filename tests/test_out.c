/* test_out.c -- files that are written once: what others unpack is what went in, and the sum is that of the bytes. */
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "out.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <cmocka.h>

enum { MOST = 3 * 1000 * 1000, READ_MOST = MOST + 1000 };

static char folder[64], said[4096];
static unsigned char data[MOST], back[READ_MOST];

static void hear(void *arg, const char *line, unsigned size)
{
	(void)arg;
	snprintf(said, sizeof(said), "%.*s", (int)size, line);
}

static int open_folder(void **state)
{
	uint64_t dice = 1;

	(void)state;
	memcpy(folder, "/tmp/qidflow-out-XXXXXX", 24);
	log_set_writer(hear, NULL);
	for (size_t i = 0; i < MOST; i++) {
		dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		data[i] = i % 5000 < 3000 ? (unsigned char)(i % 97) : (unsigned char)(dice >> 56);
	}
	return mkdtemp(folder) ? 0 : -1;
}

static int close_folder(void **state)
{
	(void)state;
	log_set_writer(NULL, NULL);
	return rmdir(folder);
}

/* What another program makes of the file: its standard output, up to READ_MOST bytes. */
static size_t read_through(const char *const *argv)
{
	int pipe_fd[2], status;
	size_t n = 0;
	ssize_t got;

	assert_int_equal(pipe(pipe_fd), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipe_fd[1], STDOUT_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(pipe_fd[1]);
	while (n < READ_MOST && (got = read(pipe_fd[0], back + n, READ_MOST - n)) > 0)
		n += (size_t)got;
	close(pipe_fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return n;
}

static const char unpack_gzip[] = "import sys,gzip\n"
				  "sys.stdout.buffer.write(gzip.decompress(open(sys.argv[1],'rb').read()))";
static const char unpack_zstd[] =
    "import sys,pathlib\nsys.path.insert(0, sys.argv[2])\nimport publish_check\n"
    "sys.stdout.buffer.write(publish_check.unpack_zstd(pathlib.Path(sys.argv[1]).read_bytes()))";
static const char plain[] = "import sys\nsys.stdout.buffer.write(open(sys.argv[1],'rb').read())";
static const char sum[] =
    "import sys,hashlib\nprint(hashlib.sha256(open(sys.argv[1],'rb').read()).hexdigest())";

static void assert_file(enum out_compression c, const char *unpack, size_t size, size_t piece)
{
	char path[128];
	struct out_sum is, again;

	snprintf(path, sizeof(path), "%s/file%s", folder, out_suffix(c));
	struct out *o = out_open(path, c);
	assert_non_null(o);
	for (size_t i = 0; i < size; i += piece)
		assert_true(out_write(o, data + i, size - i < piece ? size - i : piece));
	assert_true(out_close(o, &is));
	assert_int_equal(
	    read_through((const char *[]){"python3", "-B", "-c", unpack, path, TESTS_DIR, NULL}), size);
	assert_memory_equal(back, data, size);
	assert_int_equal(read_through((const char *[]){"python3", "-c", sum, path, NULL}), 65);
	assert_memory_equal(back, is.sha256, 64);
	assert_true(out_sum_file(path, &again));
	assert_int_equal(again.bytes, is.bytes);
	assert_string_equal(again.sha256, is.sha256);
	assert_int_equal(unlink(path), 0);
}

static void test_sizes(void **state)
{
	static const size_t sizes[][2] = {{0, 1}, {1, 1}, {100, 7}, {256 * 1024, 256 * 1024},
	    {1000 * 1000, 1000}, {MOST, 131072}, {MOST, MOST}};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_file(OUT_GZIP, unpack_gzip, sizes[i][0], sizes[i][1]);
		assert_file(OUT_ZSTD, unpack_zstd, sizes[i][0], sizes[i][1]);
		assert_file(OUT_PLAIN, plain, sizes[i][0], sizes[i][1]);
	}
}

static void test_same_bytes(void **state)
{
	struct out_sum sums[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/file", folder);
		struct out *o = out_open(path, OUT_GZIP);
		assert_non_null(o);
		assert_true(out_write(o, data, MOST));
		assert_true(out_close(o, &sums[i]));
		assert_int_equal(unlink(path), 0);
	}
	assert_string_equal(sums[0].sha256, sums[1].sha256);
}

static void test_errors(void **state)
{
	char path[128];
	struct out_sum is;

	(void)state;
	snprintf(path, sizeof(path), "%s/none/file", folder);
	assert_null(out_open(path, OUT_GZIP));
	assert_non_null(strstr(said, "No such file"));
	snprintf(path, sizeof(path), "%s/file", folder);
	struct out *o = out_open(path, OUT_PLAIN);
	assert_non_null(o);
	assert_true(out_write(o, "x", 1));
	assert_false(out_close(o, NULL));       /* given up */
	assert_null(out_open(path, OUT_PLAIN)); /* is there */
	assert_non_null(strstr(said, "exists"));
	assert_false(out_sum_file("/none", &is));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_null(out_open(path, OUT_PLAIN)); /* never through a link */
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_same_bytes),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, open_folder, close_folder);
}
