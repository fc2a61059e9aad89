/* fuzz_replay_main.c -- feeds every file of a folder to a fuzz target, in builds without libFuzzer.
 *
 * The corpus holds the seeds and whatever crashed once. Each file is also fed cut off in the middle, which costs
 * nothing and is what a broken connection does. An empty folder fails: a test that reads nothing proves nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void feed_copy(const uint8_t *data, size_t n)
{
	/* A block of exactly n bytes: a read behind it is seen by the address sanitizer. */
	uint8_t *copy = malloc(n ? n : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static int feed_file(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	long length = ftell(f);
	if (length < 0 || length > 1 << 26) {
		fprintf(stderr, "%s: %ld bytes, too long for a corpus\n", path, length);
		exit(1);
	}
	size_t n = (size_t)length;
	uint8_t *data = malloc(n + 1);
	rewind(f);
	if (data == NULL || fread(data, 1, n, f) != n) {
		perror(path);
		exit(1);
	}
	fclose(f);
	feed_copy(data, n);
	feed_copy(data, n / 2);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	int files = 0;
	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		if (d == NULL) {
			perror(argv[i]);
			return 1;
		}
		for (struct dirent *e; (e = readdir(d)) != NULL;)
			if (e->d_name[0] != '.')
				files += feed_file(argv[i], e->d_name);
		closedir(d);
	}
	printf("%d files\n", files);
	return files == 0;
}
