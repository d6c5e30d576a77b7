/* What the driver does for each record, in C: a line of Python for each would be what limits the client, and so would numpy,
 * each of whose operations gives the interpreter's lock to a thread that keeps it for milliseconds.
 *
 * places.c is what a record passes through, offering and delivery report; books.c is what is counted of it. Instants are
 * CLOCK_MONOTONIC in nanoseconds. The objects live as long as their trial's process: they hold each other in cycles, and
 * nothing here takes those apart.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <structmember.h>

/* Warm-up, window, cool-down; what lies between them. */
enum { PARTS = 3, EDGES = 2 };

/* Counts of a producer: records that it was given and has reported, and the report that makes room for a waiting sender. */
typedef struct {
    PyObject_HEAD
    long long given, reported, room_at;
    PyObject *wake;
} Counts;

enum { ACCEPTED, DONE, OFFSETS, PARTITIONS, INTENDED, TAKEN, ARRAYS };

/* The places of a block. Sender and callbacks hold the interpreter's lock, whoever books does not: a place is his once `done`
 * is stored, which is stored last and with release. */
typedef struct {
    PyObject_HEAD
    Counts *counts;
    /* Called with place, instant and what the client says of a record that failed. */
    PyObject *failed;
    /* What the client returned for each record without a report yet; None if it returns nothing. */
    PyObject *futures;
    Py_buffer views[ARRAYS], booked_view;
    int64_t *arrays[ARRAYS];
    uint8_t *booked;
    Py_ssize_t size;
    /* Where the last offering ended. */
    Py_ssize_t at;
    /* Places whose sends are booked, and the first of them without a booked fate. */
    Py_ssize_t seen, open;
} Places;

/* Latencies by bucket, as PROTOCOL.md has it. */
typedef struct {
    PyObject_HEAD
    /* None before the first latency. */
    int64_t *counts;
    int64_t total;
    /* Beyond the highest bucket with a count. */
    Py_ssize_t end;
} Histogram;

/* A producer's acknowledged records by partition, with their offsets as runs of consecutive ones. */
typedef struct {
    int64_t count, first, length;
} Partition;

typedef struct {
    int64_t first, length;
} Run;

typedef struct {
    PyObject_HEAD
    int offsets, broken;
    Partition *partitions;
    Py_ssize_t size;
    Run *runs;
    Py_ssize_t waiting, room;
} Log;

extern PyTypeObject CountsType, PlacesType, ReportType, HistogramType, LogType;

PyObject *places_begin(Places *self, PyObject *none);
PyObject *places_book_sends(Places *self, PyObject *args);
PyObject *places_book_reports(Places *self, PyObject *args);
int names(void);
