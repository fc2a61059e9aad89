/* loader_position.h -- how far each partition was read, stored beside the rows. */
#ifndef LOADER_POSITION_H
#define LOADER_POSITION_H
#include "loader_state.h"

bool loader_positions_open(struct loader *l); /* reads what is stored and assigns all partitions */
void loader_positions_close(struct loader *l);

/* Within the transaction of the rows: compare and set. false: another loader has written, or the database refuses. */
bool loader_positions_write(struct loader *l);
void loader_positions_written(struct loader *l); /* it was committed */

bool loader_positions_passed(const struct loader *l, Qidflow__V1__End *const *ends, size_t n);
bool loader_positions_ended(const struct loader *l); /* there is nothing to be read now */
bool loader_positions_reached(
    const struct loader *l); /* there was nothing to be read, in each once since the start */

/* Tells whoever displays the lag, at most once a second of each partition. */
void loader_positions_show(struct loader *l);
#endif
