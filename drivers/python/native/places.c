/* What a record passes through: the call that gives it to the client, and its delivery report. */

#include "native.h"

#include <time.h>

static PyObject *OFFSET, *PARTITION, *ADD_CALLBACK, *ADD_ERRBACK;

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static int counts_init(Counts *self, PyObject *args, PyObject *Py_UNUSED(words))
{
    self->room_at = -1;
    if (!PyArg_ParseTuple(args, "O", &self->wake))
        return -1;
    Py_INCREF(self->wake);
    return 0;
}

static void counts_dealloc(Counts *self)
{
    Py_XDECREF(self->wake);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef counts_members[] = {
    {"given", T_LONGLONG, offsetof(Counts, given), 0, "records that the client took"},
    {"reported", T_LONGLONG, offsetof(Counts, reported), READONLY, "records with a delivery report"},
    {"room_at", T_LONGLONG, offsetof(Counts, room_at), 0, "wake() is called by the report with this number; -1: none"},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject CountsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tribunal_driver.native.Counts",
    .tp_basicsize = sizeof(Counts),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Counts(wake): records that a producer was given and has reported.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)counts_init,
    .tp_dealloc = (destructor)counts_dealloc,
    .tp_members = counts_members,
};

/* A callback of one record. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Places *places;
    Py_ssize_t place;
} Report;

static void report_dealloc(Report *self)
{
    Py_DECREF(self->places);
    PyObject_Free(self);
}

PyTypeObject ReportType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tribunal_driver.native.Report",
    .tp_basicsize = sizeof(Report),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "The callback of one record.",
    .tp_vectorcall_offset = offsetof(Report, call),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = (destructor)report_dealloc,
};

static PyObject *report(Places *places, Py_ssize_t place, vectorcallfunc call)
{
    Report *self = PyObject_New(Report, &ReportType);
    if (self == NULL)
        return NULL;
    Py_INCREF(places);
    self->call = call;
    self->places = places;
    self->place = place;
    return (PyObject *)self;
}

/* None, of a duplicate that the broker had already, is -1. */
static int64_t number(PyObject *told)
{
    return told == Py_None ? -1 : PyLong_AsLongLong(told);
}

/* Lets go of what the client returned for a record, unless the place has another one by now. */
static void forget(Places *places, Py_ssize_t place, PyObject *future)
{
    if (places->futures == Py_None || PyList_GET_ITEM(places->futures, place) != future)
        return;
    Py_INCREF(Py_None);
    PyList_SetItem(places->futures, place, Py_None);
}

static PyObject *held(Places *places, Py_ssize_t place)
{
    return places->futures == Py_None ? NULL : PyList_GET_ITEM(places->futures, place);
}

/* Writes a fate down: offset and partition, or where a failed record may be and the number of its error. */
static void note(Places *places, Py_ssize_t place, int64_t instant, int64_t offset, int64_t partition)
{
    places->arrays[OFFSETS][place] = offset;
    places->arrays[PARTITIONS][place] = partition;
    __atomic_store_n(&places->arrays[DONE][place], instant, __ATOMIC_RELEASE);
}

static PyObject *reported(Places *places)
{
    Counts *counts = places->counts;
    counts->reported++;
    if (counts->reported == counts->room_at)
        return PyObject_CallObject(counts->wake, NULL);
    Py_RETURN_NONE;
}

/* Takes both references; either may be NULL, with an exception. */
static PyObject *acknowledged(Places *places, Py_ssize_t place, PyObject *offset, PyObject *partition)
{
    int64_t at = offset == NULL || partition == NULL ? -1 : number(offset);
    int64_t in = PyErr_Occurred() ? -1 : number(partition);
    Py_XDECREF(offset);
    Py_XDECREF(partition);
    if (PyErr_Occurred())
        return NULL;
    note(places, place, now(), at, in);
    forget(places, place, held(places, place));
    return reported(places);
}

static PyObject *failed(Places *places, Py_ssize_t place, PyObject *const *told, Py_ssize_t count)
{
    /* The call runs Python, and so does whoever books the record and begins the block anew before it returns. */
    PyObject *given = held(places, place);
    PyObject *instant = PyLong_FromLongLong(now()), *index = PyLong_FromSsize_t(place), *done = NULL;
    Py_XINCREF(given);
    if (instant != NULL && index != NULL) {
        PyObject *words[] = {index, instant, told[0], count > 1 ? told[1] : NULL};
        done = PyObject_Vectorcall(places->failed, words, 2 + count, NULL);
    }
    Py_XDECREF(instant);
    Py_XDECREF(index);
    if (done != NULL)
        forget(places, place, given);
    Py_XDECREF(given);
    if (done == NULL)
        return NULL;
    Py_DECREF(done);
    return reported(places);
}

static int expected(size_t flags, PyObject *names, Py_ssize_t count)
{
    if (PyVectorcall_NARGS(flags) == count && names == NULL)
        return 1;
    PyErr_Format(PyExc_TypeError, "a delivery report takes %zd values", count);
    return 0;
}

/* kafka-python: callback and errback of a future, with the record's metadata or an exception. */
static PyObject *on_done(PyObject *self, PyObject *const *told, size_t flags, PyObject *names)
{
    Report *report = (Report *)self;
    if (!expected(flags, names, 1))
        return NULL;
    if (PyExceptionInstance_Check(told[0]))
        return failed(report->places, report->place, told, 1);
    PyObject *offset = PyObject_GetAttr(told[0], OFFSET);
    PyObject *partition = offset == NULL ? NULL : PyObject_GetAttr(told[0], PARTITION);
    return acknowledged(report->places, report->place, offset, partition);
}

/* confluent-kafka: on_delivery, with an error or None, and the message. */
static PyObject *on_delivery(PyObject *self, PyObject *const *told, size_t flags, PyObject *names)
{
    Report *report = (Report *)self;
    if (!expected(flags, names, 2))
        return NULL;
    if (told[0] != Py_None)
        return failed(report->places, report->place, told, 2);
    PyObject *offset = PyObject_CallMethodNoArgs(told[1], OFFSET);
    PyObject *partition = offset == NULL ? NULL : PyObject_CallMethodNoArgs(told[1], PARTITION);
    return acknowledged(report->places, report->place, offset, partition);
}

/* A list that begins anew at its end. */
typedef struct {
    PyObject *items;
    Py_ssize_t next;
} Cycle;

static int cycle(PyObject *told, void *into)
{
    Cycle *self = into;
    if (!PyArg_ParseTuple(told, "O!n", &PyList_Type, &self->items, &self->next))
        return 0;
    if (self->next < 0 || self->next >= PyList_GET_SIZE(self->items)) {
        PyErr_SetString(PyExc_IndexError, "a cycle begins within its list");
        return 0;
    }
    return 1;
}

static PyObject *following(Cycle *self)
{
    PyObject *item = PyList_GET_ITEM(self->items, self->next);
    self->next++;
    if (self->next == PyList_GET_SIZE(self->items))
        self->next = 0;
    return item;
}

static int within(Places *self, Py_ssize_t start, Py_ssize_t stop)
{
    if (0 <= start && start <= stop && stop <= self->size)
        return 1;
    PyErr_SetString(PyExc_IndexError, "places beyond the block");
    return 0;
}

/* Adds a callback to a future; what it returns is the future itself. */
static int add(PyObject *future, PyObject *name, PyObject *callback)
{
    PyObject *words[] = {future, callback};
    PyObject *done = PyObject_VectorcallMethod(name, words, 2, NULL);
    Py_XDECREF(done);
    return done != NULL;
}

static PyObject *places_send(Places *self, PyObject *args)
{
    PyObject *send, *topic, *headers;
    Cycle values, keys, partitions;
    Py_ssize_t start, stop;
    long long limit;
    if (!PyArg_ParseTuple(args, "nnLOOOO&O&O&", &start, &stop, &limit, &send, &topic, &headers, cycle, &values, cycle, &keys,
                          cycle, &partitions)
        || !within(self, start, stop))
        return NULL;
    if (self->futures == Py_None) {
        PyErr_SetString(PyExc_ValueError, "places without futures");
        return NULL;
    }
    for (self->at = start; self->at < stop; self->at++) {
        self->arrays[ACCEPTED][self->at] = now();
        if (self->counts->given - self->counts->reported >= limit)
            break;
        PyObject *value = following(&values), *key = following(&keys);
        PyObject *words[] = {topic, value, key, headers, following(&partitions)};
        PyObject *future = PyObject_Vectorcall(send, words, 5, NULL);
        if (future == NULL)
            return NULL;
        self->counts->given++;
        Py_INCREF(future);
        PyList_SetItem(self->futures, self->at, future);
        PyObject *callback = report(self, self->at, on_done);
        int added = callback != NULL && add(future, ADD_CALLBACK, callback) && add(future, ADD_ERRBACK, callback);
        Py_XDECREF(callback);
        Py_DECREF(future);
        if (!added)
            return NULL;
    }
    return PyLong_FromSsize_t(self->at);
}

static PyObject *places_produce(Places *self, PyObject *args)
{
    PyObject *produce, *topic;
    Cycle values, keys, partitions;
    Py_ssize_t start, stop, together;
    if (!PyArg_ParseTuple(args, "nnnOOO&O&O&", &start, &stop, &together, &produce, &topic, cycle, &values, cycle, &keys, cycle,
                          &partitions)
        || !within(self, start, stop))
        return NULL;
    if (together < 1) {
        PyErr_SetString(PyExc_ValueError, "no record together with another");
        return NULL;
    }
    int64_t instant = 0;
    for (self->at = start; self->at < stop; self->at++) {
        if ((self->at - start) % together == 0)
            instant = now();
        self->arrays[ACCEPTED][self->at] = instant;
        PyObject *on_report = report(self, self->at, on_delivery);
        if (on_report == NULL)
            return NULL;
        PyObject *value = following(&values), *key = following(&keys);
        PyObject *words[] = {topic, value, key, following(&partitions), on_report};
        PyObject *done = PyObject_Vectorcall(produce, words, 5, NULL);
        Py_DECREF(on_report);
        if (done == NULL)
            return NULL;
        Py_DECREF(done);
        self->counts->given++;
    }
    return PyLong_FromSsize_t(self->at);
}

static PyObject *places_fail(Places *self, PyObject *args)
{
    Py_ssize_t place;
    long long instant, failure;
    PyObject *partition;
    if (!PyArg_ParseTuple(args, "nLLO", &place, &instant, &failure, &partition) || !within(self, place, place + 1))
        return NULL;
    int64_t in = number(partition);
    if (PyErr_Occurred())
        return NULL;
    note(self, place, instant, in, failure);
    Py_RETURN_NONE;
}

static int places_init(Places *self, PyObject *args, PyObject *Py_UNUSED(words))
{
    PyObject *arrays[ARRAYS], *booked;
    if (!PyArg_ParseTuple(args, "O!OOOOOOOOO", &CountsType, &self->counts, &self->failed, &self->futures, &arrays[ACCEPTED],
                          &arrays[DONE], &arrays[OFFSETS], &arrays[PARTITIONS], &arrays[INTENDED], &arrays[TAKEN], &booked)) {
        self->counts = NULL;
        self->failed = self->futures = NULL;
        return -1;
    }
    Py_INCREF(self->counts);
    Py_INCREF(self->failed);
    Py_INCREF(self->futures);
    if (PyObject_GetBuffer(booked, &self->booked_view, PyBUF_CONTIG) < 0)
        return -1;
    self->booked = self->booked_view.buf;
    self->size = self->booked_view.len;
    for (int array = 0; array < ARRAYS; array++) {
        Py_buffer *view = &self->views[array];
        if (PyObject_GetBuffer(arrays[array], view, PyBUF_CONTIG) < 0)
            return -1;
        self->arrays[array] = view->buf;
        if (view->itemsize != sizeof(int64_t) || view->len != self->size * (Py_ssize_t)sizeof(int64_t)) {
            PyErr_SetString(PyExc_ValueError, "arrays of 64-bit numbers, and of one length");
            return -1;
        }
    }
    if (self->futures != Py_None && (!PyList_Check(self->futures) || PyList_GET_SIZE(self->futures) != self->size)) {
        PyErr_SetString(PyExc_ValueError, "a list of futures as long as the arrays, or None");
        return -1;
    }
    return 0;
}

static void places_dealloc(Places *self)
{
    Py_XDECREF(self->counts);
    Py_XDECREF(self->failed);
    Py_XDECREF(self->futures);
    PyBuffer_Release(&self->booked_view);
    for (int array = 0; array < ARRAYS; array++)
        PyBuffer_Release(&self->views[array]);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef places_methods[] = {
    {"send", (PyCFunction)places_send, METH_VARARGS,
     "send(start, stop, limit, send, topic, headers, values, keys, partitions): kafka-python's."},
    {"produce", (PyCFunction)places_produce, METH_VARARGS,
     "produce(start, stop, together, produce, topic, values, keys, partitions): confluent-kafka's."},
    {"fail", (PyCFunction)places_fail, METH_VARARGS,
     "fail(place, instant, number, partition): an error by its number, and where the record may be; None: not known."},
    {"begin", (PyCFunction)places_begin, METH_NOARGS, "begin(): the block takes other records."},
    {"book_sends", (PyCFunction)places_book_sends, METH_VARARGS,
     "book_sends(stop, until, t0, edges, closed, blocked, histograms): what was accepted before `until`."},
    {"book_reports", (PyCFunction)places_book_reports, METH_VARARGS,
     "book_reports(until, t0, edges, log, histograms, record, sizes): what was reported before `until`."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef places_members[] = {
    {"at", T_PYSSIZET, offsetof(Places, at), READONLY, "the first place that the last offering did not get rid of"},
    {"seen", T_PYSSIZET, offsetof(Places, seen), READONLY, "places whose sends are booked"},
    {"open", T_PYSSIZET, offsetof(Places, open), READONLY, "the first of them without a booked fate"},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject PlacesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tribunal_driver.native.Places",
    .tp_basicsize = sizeof(Places),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Places(counts, failed, futures, accepted, done, offsets, partitions, intended, taken, booked)",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)places_init,
    .tp_dealloc = (destructor)places_dealloc,
    .tp_methods = places_methods,
    .tp_members = places_members,
};

/* Makes the names of what is asked of clients. */
int names(void)
{
    OFFSET = PyUnicode_InternFromString("offset");
    PARTITION = PyUnicode_InternFromString("partition");
    ADD_CALLBACK = PyUnicode_InternFromString("add_callback");
    ADD_ERRBACK = PyUnicode_InternFromString("add_errback");
    return OFFSET != NULL && PARTITION != NULL && ADD_CALLBACK != NULL && ADD_ERRBACK != NULL ? 0 : -1;
}
