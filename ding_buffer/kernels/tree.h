/* What summing and drawing know of a tree. */

#ifndef DING_BUFFER_TREE_H
#define DING_BUFFER_TREE_H

#include "take.h"

#define FAN_OUT 16
#define MAX_LEVELS 16

/* The levels of a tree, looked at and held: each has a node, at least, for every block of the one below. */
typedef struct {
    int count;
    npy_intp width[MAX_LEVELS];
    double *sums[MAX_LEVELS];
    npy_uint64 *lows[MAX_LEVELS]; /* of level 0: NULL, they follow from the leaves */
    PyObject *held[2 * MAX_LEVELS + 1];
    int holds;
} Tree;

/* 0, NULL or -1 with an exception; `let_go` in any case. */
int look_at_levels(Tree *tree, PyObject *levels, int writable);
double *look_at_starts(Tree *tree, PyObject *argument, int writable);
void let_go(Tree *tree);

/* How leaves are drawn and weighed. */
typedef struct {
    int stratified;
    double total, least, exponent;
    const Wanted *wanted; /* of the rows of these leaves, or NULL */
} Weighing;

/* draw.c: does what weighed_draw does; `points`, a flat array of nobody else, is taken over for the weights. */
PyObject *draw_weighed(PyObject *levels, PyObject *starts, PyArrayObject *points, const Weighing *how);

/* tree_sums.c, of a TreeSums: whether some leaf is above zero (or -1), and what its method draw does; `total` and
   `least` of `how` are filled in. */
int tree_sums_has_mass(PyObject *sums);
PyObject *tree_sums_draw(PyObject *sums, PyObject *rng, npy_intp count, Weighing how);
int add_tree_sums(PyObject *module);

#endif
