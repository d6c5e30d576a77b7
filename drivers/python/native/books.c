/* What is counted of records: a slice at once, without the interpreter's lock. */

#include "native.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 23 * 1024 };
static const int64_t HIGHEST_US = 3600000000, LATE = 1000000;
/* A partition and an offset in one number: offsets below 2^44, partitions below 2^19. */
enum { SHIFT = 44 };

static Py_ssize_t bucket(int64_t nanoseconds)
{
    int64_t microseconds = nanoseconds / 1000;
    if (microseconds < 1)
        return 1;
    if (microseconds > HIGHEST_US)
        return 0;
    int shift = 63 - __builtin_clzll((unsigned long long)microseconds) - 10;
    return shift <= 0 ? microseconds : 1024 * shift + (microseconds >> shift);
}

static void count(Histogram *self, int64_t nanoseconds)
{
    if (self->counts == NULL) {
        self->counts = calloc(BUCKETS, sizeof(int64_t));
        if (self->counts == NULL)
            Py_FatalError("no memory for a histogram");
    }
    const Py_ssize_t at = bucket(nanoseconds);
    self->counts[at]++;
    self->total++;
    if (at >= self->end)
        self->end = at + 1;
}

static void histogram_dealloc(Histogram *self)
{
    free(self->counts);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *histogram_add(Histogram *self, PyObject *told)
{
    long long nanoseconds = PyLong_AsLongLong(told);
    if (PyErr_Occurred())
        return NULL;
    count(self, nanoseconds);
    Py_RETURN_NONE;
}

static PyObject *histogram_told(Histogram *self, PyObject *Py_UNUSED(none))
{
    PyObject *told = PyList_New(0);
    for (Py_ssize_t at = 0; at < self->end && told != NULL; at++) {
        if (self->counts[at] == 0)
            continue;
        PyObject *pair = Py_BuildValue("nL", at, (long long)self->counts[at]);
        if (pair == NULL || PyList_Append(told, pair) < 0)
            Py_CLEAR(told);
        Py_XDECREF(pair);
    }
    return told;
}

static PyMethodDef histogram_methods[] = {
    {"add", (PyCFunction)histogram_add, METH_O, "add(nanoseconds): one more latency."},
    {"told", (PyCFunction)histogram_told, METH_NOARGS, "told(): pairs of bucket and count, ascending."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef histogram_members[] = {
    {"total", T_LONGLONG, offsetof(Histogram, total), READONLY, "how many latencies it holds"},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject HistogramType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tribunal_driver.native.Histogram",
    .tp_basicsize = sizeof(Histogram),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Latencies by bucket, as PROTOCOL.md has it.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)histogram_dealloc,
    .tp_methods = histogram_methods,
    .tp_members = histogram_members,
};

static int log_init(Log *self, PyObject *args, PyObject *Py_UNUSED(words))
{
    return PyArg_ParseTuple(args, "p", &self->offsets) ? 0 : -1;
}

static void log_dealloc(Log *self)
{
    free(self->partitions);
    free(self->runs);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Puts the run that a partition is at beside the others. */
static void close_run(Log *self, Py_ssize_t number)
{
    Partition *partition = &self->partitions[number];
    if (partition->length == 0)
        return;
    if (self->waiting == self->room) {
        Py_ssize_t room = self->room ? 2 * self->room : 1024;
        Run *runs = realloc(self->runs, (size_t)room * sizeof(Run));
        if (runs == NULL) {
            self->broken = 1;
            return;
        }
        self->runs = runs;
        self->room = room;
    }
    self->runs[self->waiting++] = (Run){((int64_t)number << SHIFT) + partition->first, partition->length};
    partition->length = 0;
}

static void acknowledge(Log *self, int64_t number, int64_t offset)
{
    if (number >= self->size) {
        Partition *partitions = realloc(self->partitions, (size_t)(number + 1) * sizeof(Partition));
        if (partitions == NULL) {
            self->broken = 1;
            return;
        }
        memset(partitions + self->size, 0, (size_t)(number + 1 - self->size) * sizeof(Partition));
        self->partitions = partitions;
        self->size = number + 1;
    }
    Partition *partition = &self->partitions[number];
    partition->count++;
    /* A duplicate that the broker had already has no offset. */
    if (!self->offsets || offset < 0)
        return;
    if (partition->length > 0 && offset == partition->first + partition->length) {
        partition->length++;
        return;
    }
    close_run(self, number);
    partition->first = offset;
    partition->length = 1;
}

static PyObject *log_counts(Log *self, PyObject *Py_UNUSED(none))
{
    PyObject *counts = PyList_New(self->size);
    for (Py_ssize_t number = 0; number < self->size && counts != NULL; number++) {
        PyObject *count = PyLong_FromLongLong(self->partitions[number].count);
        if (count == NULL)
            Py_CLEAR(counts);
        else
            PyList_SET_ITEM(counts, number, count);
    }
    return counts;
}

static PyObject *log_take(Log *self, PyObject *Py_UNUSED(none))
{
    for (Py_ssize_t number = 0; number < self->size; number++)
        close_run(self, number);
    if (self->broken)
        return PyErr_NoMemory();
    PyObject *runs = PyBytes_FromStringAndSize((const char *)self->runs, self->waiting * (Py_ssize_t)sizeof(Run));
    self->waiting = 0;
    return runs;
}

static PyMethodDef log_methods[] = {
    {"counts", (PyCFunction)log_counts, METH_NOARGS, "counts(): records of each partition."},
    {"take", (PyCFunction)log_take, METH_NOARGS,
     "take(): the runs since the last time, as bytes of pairs of 64-bit numbers: partition << 44 | first offset, and length."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef log_members[] = {
    {"waiting", T_PYSSIZET, offsetof(Log, waiting), READONLY, "ended runs that nobody has taken yet"},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject LogType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tribunal_driver.native.Log",
    .tp_basicsize = sizeof(Log),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Log(offsets): acknowledged records by partition, with or without their offsets.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)log_init,
    .tp_dealloc = (destructor)log_dealloc,
    .tp_methods = log_methods,
    .tp_members = log_members,
};

/* The windows as a slice is booked with them, and its histograms: two for each part, or none. */
typedef struct {
    long long until, t0, edges[EDGES];
    Histogram *first[PARTS], *second[PARTS];
} Frame;

static int histograms(PyObject *told, void *into)
{
    Frame *frame = into;
    for (int part = 0; part < PARTS; part++)
        frame->first[part] = frame->second[part] = NULL;
    if (told == Py_None)
        return 1;
    return PyArg_ParseTuple(told, "(O!O!)(O!O!)(O!O!)", &HistogramType, &frame->first[0], &HistogramType, &frame->second[0],
                            &HistogramType, &frame->first[1], &HistogramType, &frame->second[1], &HistogramType,
                            &frame->first[2], &HistogramType, &frame->second[2]);
}

static int part(const Frame *frame, int64_t intended)
{
    return (intended >= frame->edges[0]) + (intended >= frame->edges[1]);
}

static void resolve(const Frame *frame, int64_t instant, long long *resolved)
{
    for (int edge = 0; edge < EDGES; edge++)
        resolved[edge] += instant < frame->edges[edge];
}

/* Moves the first open record forward. */
static void pass_over(Places *self)
{
    while (self->open < self->seen && self->booked[self->open])
        self->open++;
}

PyObject *places_begin(Places *self, PyObject *Py_UNUSED(none))
{
    memset(self->arrays[DONE], 0, (size_t)self->views[DONE].len);
    memset(self->arrays[INTENDED], 0, (size_t)self->views[INTENDED].len);
    memset(self->booked, 0, (size_t)self->size);
    self->seen = self->open = 0;
    Py_RETURN_NONE;
}

/* Counts of sends by part. */
typedef struct {
    long long taken[PARTS], late[PARTS], shed[PARTS], resolved[EDGES];
    Py_ssize_t first;
} Sends;

static void book_sends(Places *self, Py_ssize_t stop, const Frame *frame, int closed, const int64_t *blocked, Sends *counts)
{
    int64_t *intended = self->arrays[INTENDED], *taken = self->arrays[TAKEN];
    const Py_ssize_t start = self->seen;
    Py_ssize_t at = start;
    for (; at < stop; at++) {
        const int64_t accepted = self->arrays[ACCEPTED][at];
        const int64_t instant = accepted < 0 ? -accepted : accepted;
        if (instant >= frame->until)
            break;
        taken[at] = instant - frame->t0;
        /* A closed loop intends a record when the client can take it; a refused one has had its first try noted. */
        if (closed && intended[at] == 0)
            intended[at] = taken[at];
        const int in = part(frame, intended[at]);
        if (accepted < 0) {
            counts->shed[in]++;
            self->booked[at] = 1;
            resolve(frame, taken[at], counts->resolved);
            continue;
        }
        if (counts->first < 0)
            counts->first = at;
        const int64_t lag = taken[at] - intended[at];
        const int64_t delay = closed ? 0 : lag - (blocked == NULL ? 0 : blocked[at - start]);
        counts->taken[in]++;
        counts->late[in] += delay > LATE;
        if (frame->first[in] != NULL) {
            count(frame->first[in], lag);
            count(frame->second[in], delay);
        }
    }
    self->seen = at;
    pass_over(self);
}

PyObject *places_book_sends(Places *self, PyObject *args)
{
    Frame frame;
    Py_ssize_t stop;
    int closed;
    PyObject *told;
    if (!PyArg_ParseTuple(args, "nLL(LL)pOO&", &stop, &frame.until, &frame.t0, &frame.edges[0], &frame.edges[1], &closed, &told,
                          histograms, &frame))
        return NULL;
    Py_buffer blocked = {0};
    if (told != Py_None && PyObject_GetBuffer(told, &blocked, PyBUF_SIMPLE) < 0)
        return NULL;
    if (stop < self->seen || stop > self->size
        || (told != Py_None && blocked.len < (stop - self->seen) * (Py_ssize_t)sizeof(int64_t))) {
        PyErr_SetString(PyExc_IndexError, "places beyond the block");
        PyBuffer_Release(&blocked);
        return NULL;
    }
    Sends sends = {.first = -1};
    Py_BEGIN_ALLOW_THREADS
    book_sends(self, stop, &frame, closed, blocked.buf, &sends);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&blocked);
    return Py_BuildValue("(LLL)(LLL)(LLL)(LL)n", sends.taken[0], sends.taken[1], sends.taken[2], sends.late[0], sends.late[1],
                         sends.late[2], sends.shed[0], sends.shed[1], sends.shed[2], sends.resolved[0], sends.resolved[1],
                         sends.first);
}

/* The sizes of what records carry: numbers that begin anew at their end, and the one of record 0. */
typedef struct {
    Py_buffer numbers;
    Py_ssize_t first;
} Sizes;

static int64_t size(const Sizes *self, int64_t record)
{
    const Py_ssize_t length = self->numbers.len / (Py_ssize_t)sizeof(int64_t);
    return ((const int64_t *)self->numbers.buf)[length == 1 ? 0 : (self->first + record) % length];
}

/* Counts of reports: acknowledged records by part, and the places of those that failed. */
typedef struct {
    long long acknowledged[PARTS], resolved[EDGES], bytes;
    Py_ssize_t *failed, count, room;
    int broken;
} Reports;

static void failed(Reports *reports, Py_ssize_t place)
{
    if (reports->count == reports->room) {
        const Py_ssize_t room = reports->room ? 2 * reports->room : 64;
        Py_ssize_t *grown = realloc(reports->failed, (size_t)room * sizeof(Py_ssize_t));
        if (grown == NULL) {
            reports->broken = 1;
            return;
        }
        reports->failed = grown;
        reports->room = room;
    }
    reports->failed[reports->count++] = place;
}

static void book_reports(Places *self, const Frame *frame, Log *log, int64_t record, const Sizes *values, const Sizes *keys,
                         Reports *reports)
{
    const int64_t *partitions = self->arrays[PARTITIONS];
    for (Py_ssize_t at = self->open; at < self->seen; at++) {
        if (self->booked[at])
            continue;
        const int64_t done = __atomic_load_n(&self->arrays[DONE][at], __ATOMIC_ACQUIRE);
        if (done == 0 || done >= frame->until)
            continue;
        self->booked[at] = 1;
        const int64_t instant = done - frame->t0, intended = self->arrays[INTENDED][at];
        resolve(frame, instant, reports->resolved);
        if (partitions[at] < 0) {
            failed(reports, at);
            continue;
        }
        const int in = part(frame, intended);
        reports->acknowledged[in]++;
        reports->bytes += size(values, record + at) + size(keys, record + at);
        acknowledge(log, partitions[at], self->arrays[OFFSETS][at]);
        if (frame->first[in] != NULL) {
            count(frame->first[in], instant - intended);
            count(frame->second[in], instant - self->arrays[TAKEN][at]);
        }
    }
    pass_over(self);
}

PyObject *places_book_reports(Places *self, PyObject *args)
{
    Frame frame;
    Log *log;
    long long record;
    PyObject *sizes[2];
    Sizes values = {0}, keys = {0};
    if (!PyArg_ParseTuple(args, "LL(LL)O!O&L(On)(On)", &frame.until, &frame.t0, &frame.edges[0], &frame.edges[1], &LogType, &log,
                          histograms, &frame, &record, &sizes[0], &values.first, &sizes[1], &keys.first))
        return NULL;
    Reports reports = {0};
    PyObject *places = NULL, *told = NULL;
    if (PyObject_GetBuffer(sizes[0], &values.numbers, PyBUF_SIMPLE) < 0
        || PyObject_GetBuffer(sizes[1], &keys.numbers, PyBUF_SIMPLE) < 0)
        goto end;
    if (values.numbers.len < (Py_ssize_t)sizeof(int64_t) || keys.numbers.len < (Py_ssize_t)sizeof(int64_t)) {
        PyErr_SetString(PyExc_ValueError, "sizes are 64-bit numbers, at least one");
        goto end;
    }
    Py_BEGIN_ALLOW_THREADS
    book_reports(self, &frame, log, record, &values, &keys, &reports);
    Py_END_ALLOW_THREADS
    if (reports.broken || log->broken) {
        PyErr_NoMemory();
        goto end;
    }
    places = PyList_New(reports.count);
    for (Py_ssize_t at = 0; at < reports.count && places != NULL; at++) {
        PyObject *place = PyLong_FromSsize_t(reports.failed[at]);
        if (place == NULL)
            Py_CLEAR(places);
        else
            PyList_SET_ITEM(places, at, place);
    }
    if (places != NULL)
        told = Py_BuildValue("(LLL)(LL)LN", reports.acknowledged[0], reports.acknowledged[1], reports.acknowledged[2],
                             reports.resolved[0], reports.resolved[1], reports.bytes, places);
end:
    free(reports.failed);
    PyBuffer_Release(&values.numbers);
    PyBuffer_Release(&keys.numbers);
    return told;
}

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tribunal_driver.native",
    .m_doc = "What is done for each record.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit_native(void)
{
    static PyTypeObject *types[] = {&CountsType, &PlacesType, &ReportType, &HistogramType, &LogType};
    static const char *const called[] = {"Counts", "Places", "Report", "Histogram", "Log"};
    PyObject *made = PyModule_Create(&module);
    for (size_t at = 0; at < sizeof(types) / sizeof(types[0]) && made != NULL; at++) {
        if (PyType_Ready(types[at]) < 0 || PyObject_SetAttrString(made, called[at], (PyObject *)types[at]) < 0)
            Py_CLEAR(made);
    }
    if (made != NULL && names() < 0)
        Py_CLEAR(made);
    return made;
}
