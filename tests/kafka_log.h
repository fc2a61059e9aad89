/* kafka_log.h -- what was said in the log, for tests of what the Kafka transport tells people. */
#ifndef KAFKA_LOG_H
#define KAFKA_LOG_H

void kafka_log_begin(void); /* from here on it is kept, and what was kept is forgotten */
unsigned kafka_log_times(const char *what);
void kafka_log_await(const char *what, int ms); /* fails the test where nobody says it */
#endif
