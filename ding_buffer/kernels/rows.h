/* Rows of tables of bytes: what copying them takes. */

#ifndef DING_BUFFER_ROWS_H
#define DING_BUFFER_ROWS_H

#include "kernels.h"

typedef struct {
    npy_intp offset, size; /* in a row, bytes */
    char *column;
} Field;

/* Some fields of some rows of one table, and the columns they are copied to or from. */
typedef struct {
    char *table;
    npy_intp rows, row_size;
    npy_int64 *slots; /* each below `rows` */
    npy_intp count, fields, bytes; /* bytes: of all columns */
    Field *field;
} Copy;

/* Copies; 0, or -1 with an exception. A long copy lets the GIL go: hold a reference to table and columns. */
int run_copy(Copy *copy, int to_table);

#endif
