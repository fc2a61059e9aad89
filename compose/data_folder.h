/* data_folder.h -- DATA: made, and held by one run at a time. */
#ifndef DATA_FOLDER_H
#define DATA_FOLDER_H
#include <stdbool.h>
#include <stdint.h>

/* Makes it, and those above it that are missing. false: logged. */
bool data_folder_make(const char *path);

/* Takes DATA/lock until the process ends or data_folder_unlock(). -1: another has it, or it cannot be (logged). */
int data_folder_lock(const char *path);
void data_folder_unlock(int lock);

/* Who has DATA/lock now. false: nobody. */
bool data_folder_holder(const char *path, int64_t *ret_pid, char ret_since[static 32]);
#endif
