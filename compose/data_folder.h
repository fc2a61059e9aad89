/* data_folder.h -- DATA: made, and each of its databases held by one process at a time. */
#ifndef DATA_FOLDER_H
#define DATA_FOLDER_H
#include <stdbool.h>
#include <stdint.h>

/* Makes it, and those above it that are missing. false: logged. */
bool data_folder_make(const char *path);

enum data_lock {
	DATA_DATABASE, /* DATA/lock: who writes qidflow.sqlite */
	DATA_PROGRESS  /* DATA/coordinator.lock: who writes progress.db; a run takes it second */
};

/* Held until the process ends or data_folder_unlock(). -1: another has it, or it cannot be (logged). */
int data_folder_lock(const char *path, enum data_lock which);
void data_folder_unlock(int lock); /* -1 is fine */

/* Who has it now. false: nobody. */
bool data_folder_holder(const char *path, enum data_lock which, int64_t *ret_pid, char ret_since[static 32]);
#endif
