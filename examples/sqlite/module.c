/* sqlite_async: SQLite for `async` Python, in the shape of PEP 249. */
#include "driver.h"

static PyModuleDef driver;

State *
state_of(PyObject *object)
{
    /* No type of the driver has subclasses. */
    return PyType_GetModuleState(Py_TYPE(object));
}

static PyMethodDef functions[] = {
    {"connect", (PyCFunction)(void (*)(void))driver_connect, METH_VARARGS | METH_KEYWORDS,
     "connect($module, database, /, *, timeout=5.0, detect_types=0, isolation_level='',\n"
     "        cached_statements=128, uri=False)\n--\n\n"
     "A connection: await it, or enter it by `async with`."},
    {NULL, NULL, 0, NULL},
};

/* `*place` is the attribute, which the module gets as well. */
static int
take_over(PyObject *module, PyObject *from, const char *name, PyObject **place)
{
    *place = PyObject_GetAttrString(from, name);
    return *place == NULL ? -1 : PyObject_SetAttrString(module, name, *place);
}

static int
take_exceptions(PyObject *module, State *state)
{
    PyObject *from = state->sqlite3, *error = NULL;
    int taken = take_over(module, from, "Error", &error) == 0 &&
                take_over(module, from, "Warning", &state->Warning) == 0 &&
                take_over(module, from, "InterfaceError", &state->InterfaceError) == 0 &&
                take_over(module, from, "DatabaseError", &state->DatabaseError) == 0 &&
                take_over(module, from, "InternalError", &state->InternalError) == 0 &&
                take_over(module, from, "OperationalError", &state->OperationalError) == 0 &&
                take_over(module, from, "ProgrammingError", &state->ProgrammingError) == 0 &&
                take_over(module, from, "IntegrityError", &state->IntegrityError) == 0 &&
                take_over(module, from, "DataError", &state->DataError) == 0;
    PyObject *unsupported = NULL;
    taken = taken && take_over(module, from, "NotSupportedError", &unsupported) == 0;
    Py_XDECREF(error);
    Py_XDECREF(unsupported);
    return taken ? 0 : -1;
}

/* What PEP 249 wants, and what goes with `detect_types`. */
static int
take_others(PyObject *module, State *state)
{
    static const char *const names[] = {
        "PARSE_DECLTYPES", "PARSE_COLNAMES", "register_adapter", "register_converter", "Binary",        "Date", "Time",
        "Timestamp",       "DateFromTicks",  "TimeFromTicks",    "TimestampFromTicks", "sqlite_version"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        PyObject *value;
        int taken = take_over(module, state->sqlite3, names[i], &value);
        Py_XDECREF(value);
        if (taken < 0) {
            return -1;
        }
    }
    return PyModule_AddStringConstant(module, "apilevel", "2.0") == 0 &&
                   PyModule_AddStringConstant(module, "paramstyle", "qmark") == 0 &&
                   PyModule_AddIntConstant(module, "threadsafety", 1) == 0
               ? 0
               : -1;
}

static int
add_type(PyObject *module, const char *name, PyTypeObject **place, PyTypeObject *made)
{
    *place = made;
    return made == NULL || name == NULL ? (made == NULL ? -1 : 0)
                                        : PyObject_SetAttrString(module, name, (PyObject *)made);
}

static int
driver_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);
    state->sqlite3 = PyImport_ImportModule("sqlite3");
    if (state->sqlite3 == NULL || (state->adapt = PyObject_GetAttrString(state->sqlite3, "adapt")) == NULL ||
        (state->PrepareProtocol = PyObject_GetAttrString(state->sqlite3, "PrepareProtocol")) == NULL ||
        (state->converters = PyObject_GetAttrString(state->sqlite3, "converters")) == NULL ||
        (state->transaction = PyContextVar_New("transaction", NULL)) == NULL) {
        return -1;
    }
    if (!PyDict_Check(state->converters)) {
        PyErr_SetString(PyExc_TypeError, "sqlite3.converters is no dict");
        return -1;
    }
    if (take_exceptions(module, state) < 0 || take_others(module, state) < 0 ||
        add_type(module, NULL, &state->Answer, make_answer_type(module)) < 0 ||
        add_type(module, NULL, &state->Opening, make_opening_type(module)) < 0 ||
        add_type(module, "Transaction", &state->Transaction, make_transaction_type(module)) < 0 ||
        add_type(module, "Connection", &state->Connection, make_connection_type(module)) < 0 ||
        add_type(module, "Cursor", &state->Cursor, make_cursor_type(module)) < 0 ||
        add_type(module, "Row", &state->Row, make_row_type(module)) < 0) {
        return -1;
    }
    return PyAwaitable_Init();
}

/* Everything that the state refers to. */
static PyObject **
references(State *state, size_t *count)
{
    *count = sizeof(State) / sizeof(PyObject *);
    return (PyObject **)state;
}

static int
driver_traverse(PyObject *module, visitproc visit, void *arg)
{
    size_t count;
    PyObject **all = references(PyModule_GetState(module), &count);
    for (size_t i = 0; i < count; i++) {
        Py_VISIT(all[i]);
    }
    return 0;
}

static int
driver_clear(PyObject *module)
{
    size_t count;
    PyObject **all = references(PyModule_GetState(module), &count);
    for (size_t i = 0; i < count; i++) {
        Py_CLEAR(all[i]);
    }
    return 0;
}

static void
driver_free(void *module)
{
    (void)driver_clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)driver_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef driver = {
    PyModuleDef_HEAD_INIT,
    .m_name = "sqlite_async",
    .m_doc = "SQLite for `async` Python, under every event loop.",
    .m_size = sizeof(State),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = driver_traverse,
    .m_clear = driver_clear,
    .m_free = driver_free,
};

PyMODINIT_FUNC
PyInit_sqlite_async(void)
{
    return PyModuleDef_Init(&driver);
}
