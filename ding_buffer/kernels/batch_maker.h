/* Making a BufferedBatch and the names of its items. */

#ifndef DING_BUFFER_BATCH_MAKER_H
#define DING_BUFFER_BATCH_MAKER_H

#include "object_maker.h"
#include "push.h"

typedef struct {
    ObjectMaker batch, index, later; /* of BufferedBatch, IndexColumn and LaterSerials */
} BatchMaker;

/* Learns how they are laid out; 0, or -1 with an exception. `batch_maker_clear` in any case. */
int batch_maker_init(BatchMaker *maker, PyObject *batch, PyObject *index, PyObject *later);
void batch_maker_clear(BatchMaker *maker);

/* The names of what lies in slots of a dense ring, which are computed when somebody asks. Keeps the slots. */
PyObject *make_index(const BatchMaker *maker, const RingCounter *ring, PyObject *slots, PyObject *text);
PyObject *make_batch(const BatchMaker *maker, PyObject *data, PyObject *slots, PyObject *index, PyObject *meta,
                     PyObject *absent);

#endif
