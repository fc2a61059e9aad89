/* test_partition.c -- the vectors of Kafka's own tests: of the Java client, and of librdkafka. */
#include "partition.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *key;
	uint32_t hash;
} vectors[] = {
    {"21", (uint32_t)-973932308},
    {"foobar", (uint32_t)-790332482},
    {"a-little-bit-long-string", (uint32_t)-985981536},
    {"a-little-bit-longer-string", (uint32_t)-1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", (uint32_t)-58897971},
    {"abc", 479470107},
    {"kafka", 0xd067cf64},
    {"giberish123456789", 0x8f552b0c},
    {"1234", 0x9fc97b14},
    {"234", 0xe7c009ca},
    {"34", 0x873930da},
    {"4", 0x5a4b5ca1},
    {"", 0x106e08d9},
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		static const int32_t partitions[] = {INT32_MAX, 1000000007, 32, 6, 1};
		for (size_t p = 0; p < sizeof(partitions) / sizeof(partitions[0]); p++) {
			int32_t want = (int32_t)((vectors[i].hash & 0x7fffffff) % (uint32_t)partitions[p]);
			assert_int_equal(
			    partition_of(vectors[i].key, strlen(vectors[i].key), partitions[p]), want);
		}
	}
}

static void test_any_alignment(void **state)
{
	char room[64];

	(void)state;
	for (size_t at = 0; at < 8; at++) {
		memcpy(room + at, "a-little-bit-longer-string", 26);
		assert_int_equal(partition_of(room + at, 26, INT32_MAX), (uint32_t)-1486304829 & 0x7fffffff);
	}
	assert_int_equal(partition_of(NULL, 0, INT32_MAX), 0x106e08d9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_any_alignment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
