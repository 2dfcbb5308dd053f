/* What the parts of whosent._native share: compiled alternations, their matches, tokens. */
#ifndef WHOSENT_NATIVE_H
#define WHOSENT_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* What the join does with a rule's lines; everything else is a plain token. */
enum kind { TOKEN, DELIVERY, QUEUED, SUBMISSION, REMOVED, ARRIVAL, RARE };

/* One rule as the alternation tells it: by the mark at its end. */
typedef struct {
    PyObject *rule;       /* NULL: no rule ends here */
    enum kind kind;
    Py_ssize_t count;     /* of fields */
    int *groups;          /* the group of each field; 0: its constant */
    PyObject **constants; /* bytes or None, where there is no group */
} Entry;

typedef struct Matcher {
    PyObject_HEAD
    struct Matcher *next; /* tried where this one recognises nothing; NULL: there is none */
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    int marks;      /* entries */
    int otherwise;  /* the mark of the branch that takes any line */
    Entry *entries; /* by mark */
    PyObject *slow; /* callable (offset, line, otherwise) -> tokens, for a line PCRE2 gives up on */
} Matcher;

typedef struct {
    PyObject_HEAD
    Matcher *matcher;
    PyObject *chunk;     /* bytes */
    PyObject *otherwise; /* callable (offset, line) -> tokens */
    PyObject *pending;   /* iterator of tokens that came from elsewhere; NULL: none */
    Py_ssize_t at;       /* where the next line begins */
} Tokens;

/* A match of one line. */
typedef struct {
    const char *text; /* the chunk */
    const PCRE2_SIZE *spans;
    Py_ssize_t at;
    const Entry *entry;
} Match;

/* What next_match() found. */
enum found { FAILED = -1, OVER, CAPTURED, ELSEWHERE };

extern PyTypeObject MatcherType, TokensType, WordsType, PackerType, UnpackerType;

enum found next_match(Tokens *tokens, Match *match);
PyObject *elsewhere(Tokens *tokens);
PyObject *fields_of(const Match *match);
PyObject *token_of(const Match *match);
PyObject *join_rows(PyObject *module, PyObject *arguments);
PyObject *release(PyObject *module, PyObject *arguments);
PyObject *hand_out(PyObject *module, PyObject *arguments);
PyObject *count_lines(PyObject *module, PyObject *chunk);
PyObject *configure(PyObject *module, PyObject *arguments);

/* Where a field stands; text is NULL if it was not captured. */
typedef struct {
    const char *text;
    Py_ssize_t size;
} Span;

static inline Span
span_of(const Match *match, int field)
{
    int group = match->entry->groups[field];
    Span span = {NULL, 0};
    if (group && match->spans[2 * group] != PCRE2_UNSET) {
        span.text = match->text + match->spans[2 * group];
        span.size = (Py_ssize_t)(match->spans[2 * group + 1] - match->spans[2 * group]);
    } else if (!group && match->entry->constants[field] != Py_None) {
        span.text = PyBytes_AS_STRING(match->entry->constants[field]);
        span.size = PyBytes_GET_SIZE(match->entry->constants[field]);
    }
    return span;
}

#endif
