/* loader_script.h -- messages as the coordinator and the fetchers send them, and what the database says of them. */
#ifndef LOADER_SCRIPT_H
#define LOADER_SCRIPT_H
#include "loader_hear.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "qidflow/v1/records.pb-c.h"

/* As the others send it; returns when it is in its log. NULL value: a tombstone, with header "set". */
void send_bytes(enum topic t, const char *key, const void *value, size_t size, const char *set);
void send_message(enum topic t, const char *key, const ProtobufCMessage *m);
void send_set(uint64_t host, uint64_t run, uint64_t number, int detections);
void send_host(uint64_t host, uint64_t run, uint64_t number);
void send_vulnerability(uint64_t qid, uint64_t number);
void send_run(Qidflow__V1__RunStatus__State state, uint64_t run, bool with_ends);

extern uint64_t sending_generation; /* in what send_run() says; 0: it says none */
void send_leads(uint64_t generation);
void send_stream(const char *id);
void send_part_of(
    uint64_t host, uint64_t number, unsigned part, bool last); /* of run 1; last: the plain key */

int64_t ask(const char *sql); /* of the database, by a connection of our own */
void change(const char *sql);
void assert_text(const char *sql, const char *text);
#endif
