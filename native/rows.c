/* Rows on their way from the joins to the detectors: held back for hand-overs, handed out.
 *
 * Twins of loops in whosent/join/chain.py and whosent/audience.py, which are the reference.
 */
#include "native.h"

/* A row's first field, its time; -1 with an error set if it has none. */
static double
time_of(PyObject *row)
{
    if (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) < 4) {
        PyErr_SetString(PyExc_TypeError, "a row is a tuple with time, reference and more");
        return -1.0;
    }
    return PyFloat_AsDouble(PyTuple_GET_ITEM(row, 0));
}

/* Whether a row needs no look at what was handed over: a message with one queue id, or one of its outcomes. */
static int
is_plain(PyObject *row, PyObject *kinds)
{
    PyObject *kind = (PyObject *)Py_TYPE(row), *queue_id = PyTuple_GET_ITEM(row, 3);
    return (kind == PyTuple_GET_ITEM(kinds, 1) || kind == PyTuple_GET_ITEM(kinds, 2)) && PyUnicode_Check(queue_id) &&
           !PyUnicode_GET_LENGTH(queue_id);
}

/* An outcome, with the actor behind its queue id instead of its own where another is known. */
static PyObject *
traced(PyObject *row, PyObject *key, PyObject *actors)
{
    PyObject *actor = PyDict_GetItemWithError(actors, key);
    if (!actor)
        return PyErr_Occurred() ? NULL : Py_NewRef(row);
    Py_ssize_t count = PyTuple_GET_SIZE(row);
    PyObject *copy = Py_TYPE(row)->tp_alloc(Py_TYPE(row), count);
    for (Py_ssize_t field = 0; copy && field < count; field++)
        PyTuple_SET_ITEM(copy, field, Py_NewRef(field == 2 ? actor : PyTuple_GET_ITEM(row, field)));
    return copy;
}

/* Let a row go to `ready`; 1 if it must wait, as it may be explained and is not `due`; -1 with an error set. */
static int
let_go(PyObject *ready, PyObject *row, int due, PyObject *kinds, PyObject *settle, PyObject *actors)
{
    PyObject *kind = (PyObject *)Py_TYPE(row), *found;
    if (is_plain(row, kinds))
        return PyList_Append(ready, row);
    int outcome = kind == PyTuple_GET_ITEM(kinds, 1), closed = kind == PyTuple_GET_ITEM(kinds, 3);
    PyObject *actor = PyTuple_GET_ITEM(row, 2);
    if (outcome && PyTuple_Check(actor) && PyTuple_GET_SIZE(actor) > 2) {
        PyObject *key = PyTuple_Pack(2, PyTuple_GET_ITEM(actor, 2), PyTuple_GET_ITEM(row, 3));
        found = key ? traced(row, key, actors) : NULL;
        Py_XDECREF(key);
    } else if (closed) {
        PyObject *key = PyTuple_Pack(2, actor, PyTuple_GET_ITEM(row, 3)); /* its host */
        int known = key ? PyDict_Contains(actors, key) : -1;
        found = known < 0 || (known && PyDict_DelItem(actors, key) < 0) ? NULL : Py_NewRef(Py_None);
        Py_XDECREF(key);
    } else {
        found = PyObject_CallFunctionObjArgs(settle, row, due ? Py_True : Py_False, NULL);
    }
    int failed = !found || (found != Py_None && found != Py_Ellipsis && PyList_Append(ready, found) < 0);
    int waits = found == Py_Ellipsis;
    Py_XDECREF(found);
    return failed ? -1 : waits;
}

/* release(waiting, looked, rows, wait, (Handover, Outcome, Message, Closed), note, settle, actors) -> rows that wait no more
 *
 * Those that still wait are left in the list `waiting`; the list `looked` holds the time at which the first of them was
 * found to have to wait, if it was.
 */
PyObject *
release(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *waiting, *looked, *rows, *kinds, *note, *settle, *actors;
    double wait, looked_at = 0.0;
    if (!PyArg_ParseTuple(arguments, "O!O!O!dO!OOO!", &PyList_Type, &waiting, &PyList_Type, &looked, &PyList_Type, &rows,
                          &wait, &PyTuple_Type, &kinds, &note, &settle, &PyDict_Type, &actors))
        return NULL;
    if (PyTuple_GET_SIZE(kinds) != 4) {
        PyErr_SetString(PyExc_ValueError, "four kinds of rows are wanted");
        return NULL;
    }
    int waits = PyList_GET_SIZE(looked) > 0;
    if (waits && (looked_at = PyFloat_AsDouble(PyList_GET_ITEM(looked, 0))) == -1.0 && PyErr_Occurred())
        return NULL;
    PyObject *ready = PyList_New(0);
    Py_ssize_t head = 0;
    for (Py_ssize_t number = 0; ready && number < PyList_GET_SIZE(rows); number++) {
        PyObject *row = PyList_GET_ITEM(rows, number);
        double now = time_of(row);
        if (now == -1.0 && PyErr_Occurred())
            goto failed;
        if ((PyObject *)Py_TYPE(row) == PyTuple_GET_ITEM(kinds, 0)) {
            PyObject *done = PyObject_CallOneArg(note, row);
            if (!done)
                goto failed;
            Py_DECREF(done);
            waits = 0;
            continue;
        }
        if (PyList_Append(waiting, row) < 0)
            goto failed;
        if (waits && looked_at == now)
            continue;
        for (waits = 0; head < PyList_GET_SIZE(waiting); head++) {
            PyObject *first = PyList_GET_ITEM(waiting, head);
            double since = PyFloat_AS_DOUBLE(PyTuple_GET_ITEM(first, 0));
            int due = !(now - wait <= since && since <= now + wait); /* above it: the clock was set back */
            int waited = let_go(ready, first, due, kinds, settle, actors);
            if (waited < 0)
                goto failed;
            if (waited) {
                waits = 1;
                looked_at = now;
                break;
            }
        }
    }
    if (!ready || PyList_SetSlice(waiting, 0, head, NULL) < 0 || PyList_SetSlice(looked, 0, 1, NULL) < 0)
        goto failed;
    if (waits) {
        PyObject *at = PyFloat_FromDouble(looked_at);
        if (!at || PyList_Append(looked, at) < 0) {
            Py_XDECREF(at);
            goto failed;
        }
        Py_DECREF(at);
    }
    return ready;
failed:
    Py_XDECREF(ready);
    return NULL;
}

#define KNOWN 16 /* pairs of a class and a kind of actor: so many hardly ever occur */

/* Who hears of the rows of a class and a kind of actor; the references are borrowed from rows and table. */
typedef struct {
    PyTypeObject *type;
    PyObject *kind; /* NULL: no actor, or none that matters */
    PyObject *heard;
} Known;

/* The kind of a row's actor, borrowed; NULL where there is none. */
static inline PyObject *
kind_of(PyObject *row)
{
    PyObject *actor = PyTuple_Check(row) && PyTuple_GET_SIZE(row) > 2 ? PyTuple_GET_ITEM(row, 2) : NULL;
    return actor && PyTuple_Check(actor) && PyTuple_GET_SIZE(actor) ? PyTuple_GET_ITEM(actor, 0) : NULL;
}

/* What the table has for a row's class and, where that is a dictionary, for the kind of its actor; borrowed. */
static inline PyObject *
entry_of(PyObject *table, PyObject *row, Known *known)
{
    PyObject *kind = kind_of(row);
    Known *entry = &known[((uintptr_t)Py_TYPE(row) / 64 + (uintptr_t)kind / 16) % KNOWN];
    if (entry->type == Py_TYPE(row) && entry->kind == kind)
        return entry->heard;
    PyObject *found = PyDict_GetItemWithError(table, (PyObject *)Py_TYPE(row));
    if (found && PyDict_CheckExact(found))
        found = kind ? PyDict_GetItemWithError(found, kind) : NULL;
    if (found)
        *entry = (Known){Py_TYPE(row), kind, found};
    return found;
}

/* Who hears of a row, borrowed: as the table has it and, where that is a list, by the row's result. */
static inline PyObject *
listeners(PyObject *table, PyObject *row, Known *known)
{
    PyObject *found = entry_of(table, row, known);
    if (found && PyList_CheckExact(found)) {
        PyObject *result = PyTuple_Check(row) && PyTuple_GET_SIZE(row) > 6 ? PyTuple_GET_ITEM(row, 6) : Py_None;
        Py_ssize_t number = PyLong_Check(result) ? PyLong_AsSsize_t(result) : -1;
        found = 0 <= number && number < PyList_GET_SIZE(found) ? PyList_GET_ITEM(found, number) : NULL;
    }
    if (found && PyTuple_CheckExact(found))
        return found;
    if (!PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, row);
    return NULL;
}

/* hand_out(rows, table): call everybody who hears of a row, row by row. */
PyObject *
hand_out(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *given, *table;
    Known known[KNOWN] = {0};
    if (!PyArg_ParseTuple(arguments, "O!O!", &PyList_Type, &given, &PyDict_Type, &table))
        return NULL;
    PyObject *rows = PyList_AsTuple(given); /* whatever those who hear of them do */
    for (Py_ssize_t number = 0; rows && number < PyTuple_GET_SIZE(rows); number++) {
        PyObject *row = PyTuple_GET_ITEM(rows, number), *heard = listeners(table, row, known);
        int failed = !heard;
        for (Py_ssize_t one = 0; !failed && one < PyTuple_GET_SIZE(heard); one++) {
            PyObject *done = PyObject_CallOneArg(PyTuple_GET_ITEM(heard, one), row);
            failed = !done;
            Py_XDECREF(done);
        }
        if (failed)
            Py_CLEAR(rows);
    }
    if (!rows)
        return NULL;
    Py_DECREF(rows);
    Py_RETURN_NONE;
}
