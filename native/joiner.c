/* The hot loop of the join: Postfix's usual lines become rows without a token between.
 *
 * A twin of Join._rows in whosent/join/messages.py, which is the reference and does whatever is seldom: both work on
 * the same lives, queues and caches, so that they can take turns line by line.
 */
#include "native.h"

#include <string.h>
#include <structmember.h>

enum { STAMP, HOST, INSTANCE, QUEUE_ID };
enum { RECIPIENT = 4, ORIGINAL, AGENT, RELAY_HOST, RELAY_ADDRESS, DSN, STATUS, REPLY, DELIVERY_FIELDS };
enum { SENDER = 4, SIZE, RECIPIENT_COUNT, QUEUED_FIELDS };
enum { ADDRESS = 4, ACCOUNT, UID, LOCAL_USER, FORMER_ID, SUBMISSION_FIELDS };
enum { REMOVED_FIELDS = 4 };
enum { /* client address and account as in a submission */
    ARRIVAL_UID = 6, ARRIVAL_USER, ARRIVAL_SENDER, ARRIVAL_SIZE, ARRIVAL_COUNT, RECIPIENTS, SCRIPT, ARRIVAL_FORMER_ID,
    PID, SUBJECT, ARRIVAL_FIELDS
};

/* What Python told us once: classes, members, functions. */
static struct {
    PyTypeObject *life, *message, *outcome, *handover, *closed, *begun;
    PyObject *local, *handed_over, *deferred, *deferred_again, *bounced, *no_reason, *reason, *next;
    double session;
    Py_ssize_t actor, client_line, deferred_at, opened, queue_id, sender; /* where a Life has them */
    Py_ssize_t lives, actors, queue_host;                   /* and a queue */
} known;

static PyObject *empty_text, *empty_bytes, *nought;

#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

static Py_ssize_t
slot_of(PyObject *type, const char *name)
{
    PyObject *member = PyObject_GetAttrString(type, name);
    Py_ssize_t offset = -1;
    if (member && Py_IS_TYPE(member, &PyMemberDescr_Type))
        offset = ((PyMemberDescrObject *)member)->d_member->offset;
    else if (member)
        PyErr_Format(PyExc_TypeError, "%s is no slot", name);
    Py_XDECREF(member);
    return offset;
}

/* configure(Life, Queue, (Message, Outcome, Handover, Closed, Begun), results and reasons, reason, handed over, session) */
PyObject *
configure(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *life, *queue, *reason, *next;
    PyTypeObject *message, *outcome, *handover, *closed, *begun;
    PyObject *local, *handed_over, *deferred, *deferred_again, *bounced, *no_reason;
    double session;
    if (!PyArg_ParseTuple(arguments, "OO(OOOOO)(OOOOOO)OOd", &life, &queue, &message, &outcome, &handover, &closed, &begun,
                          &local, &handed_over, &deferred, &deferred_again, &bounced, &no_reason, &reason, &next, &session))
        return NULL;
    known.actor = slot_of(life, "actor");
    known.client_line = slot_of(life, "client_line");
    known.deferred_at = slot_of(life, "deferred");
    known.opened = slot_of(life, "opened");
    known.queue_id = slot_of(life, "queue_id");
    known.sender = slot_of(life, "sender");
    known.lives = slot_of(queue, "lives");
    known.actors = slot_of(queue, "actors");
    known.queue_host = slot_of(queue, "host");
    if (PyErr_Occurred())
        return NULL;
    known.life = (PyTypeObject *)Py_NewRef(life);
    known.message = (PyTypeObject *)Py_NewRef(message);
    known.outcome = (PyTypeObject *)Py_NewRef(outcome);
    known.handover = (PyTypeObject *)Py_NewRef(handover);
    known.closed = (PyTypeObject *)Py_NewRef(closed);
    known.begun = (PyTypeObject *)Py_NewRef(begun);
    known.local = Py_NewRef(local);
    known.handed_over = Py_NewRef(handed_over);
    known.deferred = Py_NewRef(deferred);
    known.deferred_again = Py_NewRef(deferred_again);
    known.bounced = Py_NewRef(bounced);
    known.no_reason = Py_NewRef(no_reason);
    known.reason = Py_NewRef(reason);
    known.next = Py_NewRef(next);
    known.session = session;
    if (!empty_text)
        empty_text = PyUnicode_New(0, 0);
    if (!empty_bytes)
        empty_bytes = PyBytes_FromStringAndSize(NULL, 0);
    if (!nought)
        nought = PyLong_FromLong(0);
    if (!empty_text || !empty_bytes || !nought)
        return NULL;
    Py_RETURN_NONE;
}

/* ------------------------------------------------------------------ the state of one call */

enum { QUEUES = 8, LONGEST_STAMP = 48 };

typedef struct {
    PyObject *host, *instance; /* bytes or None */
    PyObject *queue;
    int served; /* Python knows which mail server this is */
} Place;

typedef struct {
    PyObject *join, *clock;
    int passes_on; /* lives that are not here may have begun in an earlier part of the stream */
    PyObject *places, *texts;
    PyObject *rows;
    int64_t base;
    /* time */
    char stamp[LONGEST_STAMP];
    Py_ssize_t stamp_size; /* -1: none yet */
    double seconds, latest;
    PyObject *time; /* seconds, as an object */
    char head[LONGEST_STAMP], tail[LONGEST_STAMP];
    Py_ssize_t head_size, tail_size, digits_end;
    double minute;
    /* queues */
    Place known_places[QUEUES];
    int place, oldest; /* the present one; the next to give way */
    long uncounted;    /* arrivals whose line tells no recipients */
} State;

static int
set_number(PyObject *object, const char *name, double value)
{
    PyObject *number = PyFloat_FromDouble(value);
    int failed = number ? PyObject_SetAttrString(object, name, number) : -1;
    Py_XDECREF(number);
    return failed;
}

static int
get_number(PyObject *object, const char *name, double *value)
{
    PyObject *number = PyObject_GetAttrString(object, name);
    if (!number)
        return -1;
    *value = PyFloat_AsDouble(number);
    Py_DECREF(number);
    return *value == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* Python goes on from here: it learns the present time and queue. */
static int
hand_to_python(State *state)
{
    if (state->stamp_size >= 0) {
        PyObject *stamp = PyBytes_FromStringAndSize(state->stamp, state->stamp_size);
        int failed = stamp ? PyObject_SetAttrString(state->clock, "_stamp", stamp) : -1;
        Py_XDECREF(stamp);
        if (failed || set_number(state->clock, "_seconds", state->seconds) < 0)
            return -1;
    }
    if (set_number(state->join, "time", state->latest) < 0)
        return -1;
    if (state->place >= 0) {
        const Place *place = &state->known_places[state->place];
        PyObject *here = PyTuple_Pack(2, place->host, place->instance);
        int failed = here ? PyObject_SetAttrString(state->join, "_here", here) : -1;
        Py_XDECREF(here);
        if (failed || PyObject_SetAttrString(state->join, "_queue", place->queue) < 0)
            return -1;
    }
    return 0;
}

static int
copy_bytes(PyObject *bytes, char *into, Py_ssize_t *size)
{
    if (!PyBytes_CheckExact(bytes) || PyBytes_GET_SIZE(bytes) > LONGEST_STAMP) {
        *size = -1;
        return -1;
    }
    *size = PyBytes_GET_SIZE(bytes);
    memcpy(into, PyBytes_AS_STRING(bytes), (size_t)*size);
    return 0;
}

/* What Python's clock knows of the present minute; a stamp too long for us is left to Python each time. */
static int
take_minute(State *state)
{
    PyObject *minute = PyObject_GetAttrString(state->clock, "_minute"), *head, *tail;
    Py_ssize_t start, end;
    if (!minute)
        return -1;
    int read = PyArg_ParseTuple(minute, "SSnnd", &head, &tail, &start, &end, &state->minute);
    if (read) {
        state->digits_end = end;
        if (copy_bytes(head, state->head, &state->head_size) < 0 || state->head_size != start ||
            copy_bytes(tail, state->tail, &state->tail_size) < 0)
            state->head_size = -1;
    }
    Py_DECREF(minute);
    return read ? 0 : -1;
}

static int
set_time(State *state, double seconds)
{
    PyObject *time = PyFloat_FromDouble(seconds);
    if (!time)
        return -1;
    Py_XSETREF(state->time, time);
    state->seconds = seconds;
    if (seconds > state->latest)
        state->latest = seconds;
    return 0;
}

/* Python was at work: what it did to the time and the present queue. */
static int
take_from_python(State *state)
{
    if (get_number(state->join, "time", &state->latest) < 0 || take_minute(state) < 0)
        return -1;
    state->place = -1;
    state->stamp_size = -1;
    return 0;
}

/* "07" or "07.123456" as Python's float reads it; -1: something else. */
static double
seconds_of(const char *digits, Py_ssize_t size)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    if (size < 2 || size == 3 || size > 12 || (size > 3 && digits[2] != '.'))
        return -1;
    int64_t value = 0;
    for (Py_ssize_t at = 0; at < size; at++) {
        if (at == 2)
            continue;
        if (digits[at] < '0' || digits[at] > '9')
            return -1;
        value = 10 * value + (digits[at] - '0');
    }
    return (double)value / tens[size > 3 ? size - 3 : 0];
}

static int
ask_clock(State *state, Span stamp)
{
    PyObject *bytes = PyBytes_FromStringAndSize(stamp.text, stamp.size);
    if (!bytes)
        return -1;
    if (state->stamp_size >= 0 && set_number(state->clock, "_seconds", state->seconds) < 0) {
        Py_DECREF(bytes);
        return -1;
    }
    PyObject *number = PyObject_CallMethod(state->clock, "seconds", "O", bytes);
    Py_DECREF(bytes);
    if (!number)
        return -1;
    double seconds = PyFloat_AsDouble(number);
    Py_DECREF(number);
    if ((seconds == -1.0 && PyErr_Occurred()) || take_minute(state) < 0)
        return -1;
    return set_time(state, seconds);
}

static int
read_time(State *state, Span stamp)
{
    if (stamp.size == state->stamp_size && !memcmp(stamp.text, state->stamp, (size_t)stamp.size))
        return 0;
    double seconds = -1;
    Py_ssize_t head = state->head_size, end = state->digits_end;
    if (head >= 0 && end <= stamp.size && head < end && stamp.size - end == state->tail_size &&
        !memcmp(stamp.text, state->head, (size_t)head) &&
        !memcmp(stamp.text + end, state->tail, (size_t)state->tail_size))
        seconds = seconds_of(stamp.text + head, end - head);
    int failed = seconds >= 0 ? set_time(state, state->minute + seconds) : ask_clock(state, stamp);
    if (failed)
        return -1;
    state->stamp_size = -1;
    if (stamp.size <= LONGEST_STAMP) {
        memcpy(state->stamp, stamp.text, (size_t)stamp.size);
        state->stamp_size = stamp.size;
    }
    return 0;
}

static int
is(PyObject *bytes, Span span)
{
    if (!span.text || bytes == Py_None)
        return !span.text && bytes == Py_None;
    return PyBytes_GET_SIZE(bytes) == span.size && !memcmp(PyBytes_AS_STRING(bytes), span.text, (size_t)span.size);
}

static PyObject *
bytes_or_none(Span span)
{
    return span.text ? PyBytes_FromStringAndSize(span.text, span.size) : Py_NewRef(Py_None);
}

static void
forget_place(Place *place)
{
    Py_CLEAR(place->host);
    Py_CLEAR(place->instance);
    Py_CLEAR(place->queue);
    place->served = 0;
}

/* The queue of this host and instance becomes the present one; NULL with an error set. */
static PyObject *
queue_of(State *state, Span host, Span instance)
{
    Place *place = state->place >= 0 ? &state->known_places[state->place] : NULL;
    if (place && is(place->host, host) && is(place->instance, instance))
        return place->queue;
    for (int number = 0; number < QUEUES; number++) {
        place = &state->known_places[number];
        if (place->queue && is(place->host, host) && is(place->instance, instance)) {
            state->place = number;
            return place->queue;
        }
    }
    place = &state->known_places[state->oldest];
    forget_place(place);
    place->host = bytes_or_none(host);
    place->instance = bytes_or_none(instance);
    if (place->host && place->instance)
        place->queue = PyObject_CallMethod(state->join, "_move", "OO", place->host, place->instance);
    if (!place->queue) {
        forget_place(place);
        return NULL;
    }
    state->place = state->oldest;
    state->oldest = (state->oldest + 1) % QUEUES;
    return place->queue;
}

static int slowly(State *state, PyObject *token);

/* ------------------------------------------------------------------ rows */

static int
give(State *state, PyTypeObject *type, Py_ssize_t at, PyObject **rest, Py_ssize_t count)
{
    PyObject *ref = PyLong_FromLongLong(state->base + at);
    PyObject *row = ref ? type->tp_alloc(type, count + 2) : NULL;
    if (!row) {
        Py_XDECREF(ref);
        return -1;
    }
    PyTuple_SET_ITEM(row, 0, Py_NewRef(state->time));
    PyTuple_SET_ITEM(row, 1, ref);
    for (Py_ssize_t field = 0; field < count; field++)
        PyTuple_SET_ITEM(row, field + 2, Py_NewRef(rest[field]));
    int failed = PyList_Append(state->rows, row);
    Py_DECREF(row);
    return failed;
}

/* The life of a queue id, borrowed; NULL: there is none, or an error. */
static PyObject *
life_of(PyObject *queue, PyObject *queue_id)
{
    return PyDict_GetItemWithError(SLOT(queue, known.lives), queue_id);
}

static PyObject *
first_sight(State *state, PyObject *queue, PyObject *queue_id, int mta)
{
    PyObject *life =
        PyObject_CallMethod(state->join, "_first_sight", "OOOO", queue, state->time, queue_id, mta ? Py_True : Py_False);
    Py_XDECREF(life); /* the queue holds it */
    return life;
}

/* The relay's text and what "sent" to it means; a new reference. */
static PyObject *
place_of(State *state, Span address)
{
    PyObject *key = bytes_or_none(address);
    PyObject *found = key ? PyDict_GetItemWithError(state->places, key) : NULL;
    if (found)
        Py_INCREF(found);
    else if (key && !PyErr_Occurred())
        found = PyObject_CallMethod(state->join, "_place", "O", key);
    Py_XDECREF(key);
    return found;
}

/* Join._text: bytes as text, remembered; a new reference. */
static PyObject *
text_of(State *state, Span span)
{
    if (!span.text || !span.size)
        return Py_NewRef(empty_text);
    PyObject *key = PyBytes_FromStringAndSize(span.text, span.size);
    PyObject *found = key ? PyDict_GetItemWithError(state->texts, key) : NULL;
    if (found)
        Py_INCREF(found);
    else if (key && !PyErr_Occurred())
        found = PyObject_CallMethod(state->join, "_text", "O", key);
    Py_XDECREF(key);
    return found;
}

static int
equals(Span span, const char *word)
{
    size_t size = strlen(word);
    return span.text && (size_t)span.size == size && !memcmp(span.text, word, size);
}

static int
ends_with(Span span, const char *word)
{
    Py_ssize_t size = (Py_ssize_t)strlen(word);
    return span.size >= size && !memcmp(span.text + span.size - size, word, (size_t)size);
}

/* Deferred, deferred again or bounced; borrowed. */
static PyObject *
refused(PyObject *life, PyObject *recipient, Span status)
{
    if (!equals(status, "deferred"))
        return known.bounced;
    PyObject *before = SLOT(life, known.deferred_at);
    if (!before || before == Py_None) {
        PyObject *fresh = PySet_New(NULL);
        if (!fresh)
            return NULL;
        Py_XSETREF(SLOT(life, known.deferred_at), fresh);
        before = fresh;
    }
    int again = PySet_Contains(before, recipient);
    if (again < 0 || (!again && PySet_Add(before, recipient) < 0))
        return NULL;
    return again ? known.deferred_again : known.deferred;
}

static int
holds(Span text, const char *word)
{
    return text.text && memmem(text.text, (size_t)text.size, word, strlen(word)) != NULL;
}

/* The word behind "queued as " where the reply names an id in no other way; text is NULL if it may. */
static Span
queued_as(Span reply)
{
    static const char mark[] = "queued as ";
    Span none = {NULL, 0};
    const char *at = reply.text ? memmem(reply.text, (size_t)reply.size, mark, sizeof(mark) - 1) : NULL;
    if (!at || holds(reply, "id=") || holds(reply, " Message accepted"))
        return none;
    const char *begin = at + sizeof(mark) - 1, *end = reply.text + reply.size, *stop = begin;
    while (stop < end && *stop != ' ' && (*stop < '\t' || *stop > '\r') && !strchr(").,;", *stop))
        stop++;
    return stop > begin ? (Span){begin, stop - begin} : none;
}

/* "sent" to a host of ours: its result, borrowed; a row if the reply names the next queue id. */
static PyObject *
handed_over(State *state, const Match *match, PyObject *life, PyObject *relay)
{
    Span said = span_of(match, REPLY), named = queued_as(said);
    PyObject *result = known.handed_over, *pair = NULL;
    if (!named.text) {
        PyObject *agent = bytes_or_none(span_of(match, AGENT)), *reply = bytes_or_none(said), *id;
        pair = agent && reply ? PyObject_CallFunctionObjArgs(known.next, agent, reply, NULL) : NULL;
        Py_XDECREF(agent);
        Py_XDECREF(reply);
        if (!pair || !PyArg_ParseTuple(pair, "OS", &result, &id)) {
            Py_XDECREF(pair);
            return NULL;
        }
        named = (Span){PyBytes_AS_STRING(id), PyBytes_GET_SIZE(id)};
    }
    if (named.size) {
        PyObject *next = PyUnicode_DecodeUTF8(named.text, named.size, "backslashreplace");
        PyObject *rest[] = {SLOT(life, known.actor), SLOT(life, known.queue_id), relay, next};
        if (!next || give(state, known.handover, match->at, rest, 4) < 0)
            result = NULL;
        Py_XDECREF(next);
    }
    Py_XDECREF(pair); /* the result is a member of an enum: it stays */
    return result;
}

static PyObject *
reason_of(const Match *match)
{
    PyObject *dsn = bytes_or_none(span_of(match, DSN)), *reply = bytes_or_none(span_of(match, REPLY));
    PyObject *reason = dsn && reply ? PyObject_CallFunctionObjArgs(known.reason, dsn, reply, NULL) : NULL;
    Py_XDECREF(dsn);
    Py_XDECREF(reply);
    return reason;
}

static int
give_outcome(State *state, const Match *match, PyObject *life, PyObject *recipient, PyObject *place, PyObject *result,
             PyObject *why)
{
    PyObject *relay = PyTuple_GET_ITEM(place, 0);
    relay = PyUnicode_GET_LENGTH(relay) ? Py_NewRef(relay) : text_of(state, span_of(match, RELAY_HOST));
    if (!relay)
        return -1;
    Span original = span_of(match, ORIGINAL);
    PyObject *before = original.text ? PyBytes_FromStringAndSize(original.text, original.size) : Py_NewRef(empty_bytes);
    if (!before) {
        Py_DECREF(relay);
        return -1;
    }
    PyObject *sender = SLOT(life, known.sender);
    PyObject *rest[] = {
        SLOT(life, known.actor),
        SLOT(life, known.queue_id),
        sender && sender != Py_None ? sender : empty_bytes,
        recipient,
        result,
        why,
        relay,
        original.text ? Py_True : Py_False,
        before,
    };
    int failed = give(state, known.outcome, match->at, rest, 9);
    Py_DECREF(before);
    Py_DECREF(relay);
    return failed;
}

static int
delivery(State *state, const Match *match, PyObject *queue, PyObject *queue_id)
{
    PyObject *life = life_of(queue, queue_id);
    if (!life && !PyErr_Occurred() && state->passes_on)
        return slowly(state, token_of(match));
    if (!life && (PyErr_Occurred() || !(life = first_sight(state, queue, queue_id, 0))))
        return -1;
    Span status = span_of(match, STATUS), to = span_of(match, RECIPIENT);
    if (ends_with(status, "deliverable"))
        return 0; /* a probe of address verification is no mail */
    PyObject *place = place_of(state, span_of(match, RELAY_ADDRESS));
    if (!place)
        return -1;
    PyObject *recipient = PyBytes_FromStringAndSize(to.text, to.size), *why = Py_NewRef(known.no_reason);
    PyObject *result = PyTuple_GET_ITEM(place, 1);
    int failed = -1;
    if (recipient) {
        if (!equals(status, "sent")) {
            Py_SETREF(why, reason_of(match));
            result = why ? refused(life, recipient, status) : NULL;
        } else if (result == known.handed_over) {
            result = handed_over(state, match, life, PyTuple_GET_ITEM(place, 0));
        }
        if (result)
            failed = give_outcome(state, match, life, recipient, place, result, why);
    }
    Py_DECREF(place);
    Py_XDECREF(why);
    Py_XDECREF(recipient);
    return failed;
}

static PyObject *
number_of(Span digits)
{
    int64_t value = 0;
    for (Py_ssize_t at = 0; at < digits.size && at < 18; at++)
        value = 10 * value + (digits.text[at] - '0');
    return PyLong_FromLongLong(value);
}

/* Whether the queue manager speaks of another message than the one that life is known for; -1: an error. */
static int
is_another(State *state, PyObject *life, PyObject *sender)
{
    PyObject *before = SLOT(life, known.sender);
    if (before && before != Py_None)
        return !is(before, (Span){PyBytes_AS_STRING(sender), PyBytes_GET_SIZE(sender)});
    double opened = PyFloat_AsDouble(SLOT(life, known.opened));
    if (opened == -1.0 && PyErr_Occurred())
        return -1;
    return state->seconds - opened > known.session;
}

static int
is_probe(PyObject *sender)
{
    static const char probe[] = "double-bounce@";
    return !PyBytes_GET_SIZE(sender) || !strncmp(PyBytes_AS_STRING(sender), probe, sizeof(probe) - 1);
}

static int
give_message(State *state, const Match *match, PyObject *life, PyObject *sender)
{
    Py_INCREF(sender);
    Py_XSETREF(SLOT(life, known.sender), sender);
    PyObject *size = number_of(span_of(match, SIZE)), *count = number_of(span_of(match, RECIPIENT_COUNT));
    PyObject *rest[] = {
        SLOT(life, known.actor), SLOT(life, known.queue_id), sender, size, count,
        SLOT(life, known.opened), SLOT(life, known.client_line),
    };
    int failed = size && count ? give(state, known.message, match->at, rest, 7) : -1;
    Py_XDECREF(size);
    Py_XDECREF(count);
    return failed;
}

static int
queued(State *state, const Match *match, PyObject *queue, PyObject *queue_id)
{
    PyObject *life = life_of(queue, queue_id);
    if (!life && PyErr_Occurred())
        return -1;
    if (!life && state->passes_on)
        return slowly(state, token_of(match));
    Span from = span_of(match, SENDER);
    PyObject *sender = PyBytes_FromStringAndSize(from.text, from.size);
    if (!sender)
        return -1;
    int another = life ? is_another(state, life, sender) : 1;
    int failed = another < 0;
    if (another > 0)
        failed = !(life = first_sight(state, queue, queue_id, is_probe(sender)));
    if (!failed && (!SLOT(life, known.sender) || SLOT(life, known.sender) == Py_None))
        failed = give_message(state, match, life, sender);
    Py_DECREF(sender);
    return failed ? -1 : 0;
}

/* The actor behind a client line; a new reference. */
static PyObject *
client_of(State *state, const Match *match, PyObject *queue)
{
    PyObject *account = bytes_or_none(span_of(match, ACCOUNT)), *address = bytes_or_none(span_of(match, ADDRESS));
    PyObject *key = account && address ? PyTuple_Pack(2, account, address) : NULL;
    PyObject *actor = key ? PyDict_GetItemWithError(SLOT(queue, known.actors), key) : NULL;
    if (actor)
        Py_INCREF(actor);
    else if (key && !PyErr_Occurred())
        actor = PyObject_CallMethod(state->join, "_client", "OOO", queue, account, address);
    Py_XDECREF(key);
    Py_XDECREF(account);
    Py_XDECREF(address);
    return actor;
}

/* The id begins here: an earlier part of the stream may know another life of it. */
static int
give_begun(State *state, const Match *match, PyObject *queue_id)
{
    const Place *place = &state->known_places[state->place];
    PyObject *rest[] = {place->host, place->instance, queue_id};
    return give(state, known.begun, match->at, rest, 3);
}

/* A queue id begins: its life, borrowed from the queue; NULL with an error set. */
static PyObject *
begin(State *state, const Match *match, PyObject *queue, PyObject *queue_id)
{
    PyObject *before = life_of(queue, queue_id);
    if (before) {
        PyObject *done = PyObject_CallMethod(state->join, "_end_unseen", "O", before);
        if (!done)
            return NULL;
        Py_DECREF(done);
    } else if (PyErr_Occurred() || (state->passes_on && give_begun(state, match, queue_id) < 0)) {
        return NULL;
    }
    PyObject *actor = client_of(state, match, queue);
    PyObject *life = actor ? known.life->tp_alloc(known.life, 0) : NULL;
    if (!life) {
        Py_XDECREF(actor);
        return NULL;
    }
    int is_host = PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(actor, 0), "host") == 0;
    PyObject *name = is_host ? PyUnicode_DecodeASCII(PyBytes_AS_STRING(queue_id), PyBytes_GET_SIZE(queue_id), NULL)
                             : Py_NewRef(empty_text);
    SLOT(life, known.actor) = actor;
    SLOT(life, known.client_line) = PyLong_FromLongLong(state->base + match->at);
    SLOT(life, known.opened) = Py_NewRef(state->time);
    SLOT(life, known.queue_id) = name;
    SLOT(life, known.sender) = Py_NewRef(Py_None);
    SLOT(life, known.deferred_at) = Py_NewRef(Py_None);
    int failed = name && SLOT(life, known.client_line) ? PyDict_SetItem(SLOT(queue, known.lives), queue_id, life) : -1;
    Py_DECREF(life); /* the queue holds it */
    return failed ? NULL : life;
}

static int
submission(State *state, const Match *match, PyObject *queue, PyObject *queue_id)
{
    return begin(state, match, queue, queue_id) ? 0 : -1;
}

static int
is_number(Span digits)
{
    for (Py_ssize_t at = 0; at < digits.size; at++)
        if (digits.text[at] < '0' || digits.text[at] > '9')
            return 0;
    return digits.size > 0;
}

/* How many addresses a list has that quotes none of them; -1: look closer. */
static long
listed(Span list)
{
    long count = 0;
    int inside = 0;
    for (Py_ssize_t at = 0; at < list.size; at++) {
        char one = list.text[at];
        if (strchr("\"<>\\", one)) /* and a NUL */
            return -1;
        int separates = one == ',' || one == ';' || one == ' ' || (one >= '\t' && one <= '\r');
        count += !separates && !inside;
        inside = !separates;
    }
    return count;
}

/* A message in one line, from a client: its life, and what it is. */
static int
arrival(State *state, const Match *match, PyObject *queue, PyObject *queue_id)
{
    Span size = span_of(match, ARRIVAL_SIZE), count = span_of(match, ARRIVAL_COUNT), list = span_of(match, RECIPIENTS);
    Span from = span_of(match, ARRIVAL_SENDER);
    PyObject *life = begin(state, match, queue, queue_id);
    PyObject *sender = life ? PyBytes_FromStringAndSize(from.text, from.text ? from.size : 0) : NULL;
    if (!sender)
        return -1;
    state->uncounted += !list.size && !count.size;
    PyObject *bytes = is_number(size) ? number_of(size) : PyLong_FromLong(0);
    PyObject *recipients = is_number(count) ? number_of(count) : PyLong_FromLong(0);
    if (recipients && PyObject_IsTrue(recipients) == 0) {
        long several = listed(list);
        Py_SETREF(recipients, PyLong_FromLong(several > 0 ? several : 1));
    }
    Py_XSETREF(SLOT(life, known.sender), Py_NewRef(sender));
    PyObject *rest[] = {
        SLOT(life, known.actor), SLOT(life, known.queue_id), sender, bytes, recipients, state->time, nought,
    };
    int failed = bytes && recipients ? give(state, known.message, match->at, rest, 7) : -1;
    Py_XDECREF(bytes);
    Py_XDECREF(recipients);
    Py_DECREF(sender);
    return failed;
}

static int
removed(State *state, const Match *match, PyObject *queue, PyObject *queue_id)
{
    PyObject *life = life_of(queue, queue_id);
    if (!life && !PyErr_Occurred() && state->passes_on)
        return slowly(state, token_of(match));
    if (!life)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *name = SLOT(life, known.queue_id);
    if (PyUnicode_GET_LENGTH(name)) {
        PyObject *rest[] = {SLOT(queue, known.queue_host), name};
        if (give(state, known.closed, match->at, rest, 2) < 0)
            return -1;
    }
    return PyDict_DelItem(SLOT(queue, known.lives), queue_id);
}

/* ------------------------------------------------------------------ the loop */

/* A seldom token goes the way of Python. */
static int
slowly(State *state, PyObject *token)
{
    if (!token || hand_to_python(state) < 0) {
        Py_XDECREF(token);
        return -1;
    }
    PyObject *rows = PyObject_CallMethod(state->join, "_rows_of", "NL", token, (long long)state->base);
    if (!rows)
        return -1;
    PyObject *done = PyObject_CallMethod(state->rows, "extend", "O", rows);
    Py_DECREF(rows);
    if (!done)
        return -1;
    Py_DECREF(done);
    return take_from_python(state);
}

/* A login or a refusal: its rows come from Python, which needs to know no more than the time and the queue. */
static int
rare(State *state, const Match *match)
{
    Span stamp = span_of(match, STAMP);
    if (!stamp.text || match->entry->count < 4)
        return slowly(state, token_of(match));
    if (read_time(state, stamp) < 0 || !queue_of(state, span_of(match, HOST), span_of(match, INSTANCE)))
        return -1;
    const Place *place = &state->known_places[state->place];
    PyObject *here = PyTuple_Pack(2, place->host, place->instance), *fields = fields_of(match), *rows = NULL;
    if (here && fields && PyObject_SetAttrString(state->join, "_here", here) == 0 &&
        PyObject_SetAttrString(state->join, "_queue", place->queue) == 0)
        rows = PyObject_CallMethod(state->join, "_rare", "OOLO", match->entry->rule, state->time,
                                   (long long)(state->base + match->at), fields);
    PyObject *done = rows ? PyObject_CallMethod(state->rows, "extend", "O", rows) : NULL;
    Py_XDECREF(here);
    Py_XDECREF(fields);
    Py_XDECREF(rows);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int
is_usual(const Match *match)
{
    const Entry *entry = match->entry;
    switch (entry->kind) {
    case DELIVERY:
        return entry->count == DELIVERY_FIELDS && span_of(match, RECIPIENT).text && span_of(match, STATUS).text;
    case QUEUED:
        return entry->count == QUEUED_FIELDS && span_of(match, SENDER).text && span_of(match, SIZE).text &&
               span_of(match, RECIPIENT_COUNT).text;
    case SUBMISSION:
        return entry->count == SUBMISSION_FIELDS && !span_of(match, UID).text;
    case REMOVED:
        return entry->count == REMOVED_FIELDS;
    case ARRIVAL:
        return entry->count == ARRIVAL_FIELDS && (span_of(match, ADDRESS).size || span_of(match, ACCOUNT).size) &&
               !span_of(match, SUBJECT).size && listed(span_of(match, RECIPIENTS)) >= 0;
    default:
        return 0;
    }
}

static int
usual(State *state, const Match *match)
{
    Span id = span_of(match, QUEUE_ID), stamp = span_of(match, STAMP);
    if (!id.text || !stamp.text)
        return slowly(state, token_of(match));
    PyObject *queue = read_time(state, stamp) < 0 ? NULL : queue_of(state, span_of(match, HOST), span_of(match, INSTANCE));
    PyObject *queue_id = queue ? PyBytes_FromStringAndSize(id.text, id.size) : NULL;
    if (!queue_id)
        return -1;
    Place *place = &state->known_places[state->place];
    if (match->entry->kind == ARRIVAL && !place->served) {
        Py_DECREF(queue_id);
        place->served = 1;
        return slowly(state, token_of(match));
    }
    int failed;
    switch (match->entry->kind) {
    case DELIVERY:
        failed = delivery(state, match, queue, queue_id);
        break;
    case QUEUED:
        failed = queued(state, match, queue, queue_id);
        break;
    case SUBMISSION:
        failed = submission(state, match, queue, queue_id);
        break;
    case ARRIVAL:
        failed = arrival(state, match, queue, queue_id);
        break;
    default:
        failed = removed(state, match, queue, queue_id);
    }
    Py_DECREF(queue_id);
    return failed;
}

static int
join_line(State *state, const Match *match)
{
    if (is_usual(match))
        return usual(state, match);
    if (match->entry->kind == RARE)
        return rare(state, match);
    return slowly(state, token_of(match));
}

static int
run(State *state, Tokens *tokens)
{
    Match match;
    for (;;) {
        while (tokens->pending) {
            PyObject *token = elsewhere(tokens);
            if (token ? slowly(state, token) < 0 : PyErr_Occurred() != NULL)
                return -1;
        }
        switch (next_match(tokens, &match)) {
        case CAPTURED:
            if (join_line(state, &match) < 0)
                return -1;
            break;
        case ELSEWHERE:
            break;
        case OVER:
            return 0;
        default:
            return -1;
        }
    }
}

/* What Python counts too. */
static int
tell_uncounted(State *state)
{
    if (!state->uncounted)
        return 0;
    PyObject *before = PyObject_GetAttrString(state->join, "uncounted"), *more = PyLong_FromLong(state->uncounted);
    PyObject *sum = before && more ? PyNumber_Add(before, more) : NULL;
    int failed = sum ? PyObject_SetAttrString(state->join, "uncounted", sum) : -1;
    Py_XDECREF(before);
    Py_XDECREF(more);
    Py_XDECREF(sum);
    return failed;
}

/* join_rows(join, tokens, base): the rows of a chunk, as a list. */
PyObject *
join_rows(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    State state = {.stamp_size = -1, .place = -1, .head_size = -1};
    Tokens *tokens;
    long long base;
    if (!known.life) {
        PyErr_SetString(PyExc_RuntimeError, "not configured");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "OO!L", &state.join, &TokensType, &tokens, &base))
        return NULL;
    state.base = base;
    state.clock = PyObject_GetAttrString(state.join, "_clock");
    state.places = PyObject_GetAttrString(state.join, "_places");
    state.texts = PyObject_GetAttrString(state.join, "_texts");
    state.rows = PyList_New(0);
    PyObject *passes_on = PyObject_GetAttrString(state.join, "_passes_on");
    state.passes_on = passes_on == Py_True;
    Py_XDECREF(passes_on);
    int failed = !passes_on || !state.clock || !state.places || !state.texts || !state.rows || !PyDict_CheckExact(state.places) ||
                 !PyDict_CheckExact(state.texts) || take_from_python(&state) < 0 || run(&state, tokens) < 0 ||
                 hand_to_python(&state) < 0 || tell_uncounted(&state) < 0;
    for (int number = 0; number < QUEUES; number++)
        forget_place(&state.known_places[number]);
    Py_XDECREF(state.time);
    Py_XDECREF(state.clock);
    Py_XDECREF(state.places);
    Py_XDECREF(state.texts);
    if (failed)
        Py_CLEAR(state.rows);
    return state.rows;
}
