/* How an extension that links nothing finds the functions: in the table of the runtime, which it imports. Written by hand. */
#ifndef PYAWAITABLE_FIND_H
#define PYAWAITABLE_FIND_H

#ifndef PYAWAITABLE_LINK

/* The table that this file has found. It is the same for all interpreters of the process, each of which keeps its own state
   behind it. It is set to only one value other than NULL, by whichever thread comes first. */
static const PyAwaitable_Table *PyAwaitable__table = NULL;

#if defined(_MSC_VER) && !defined(__clang__)
PYAWAITABLE_INLINE const PyAwaitable_Table *
PyAwaitable__load(void)
{
    return (const PyAwaitable_Table *)_InterlockedCompareExchangePointer((void *volatile *)&PyAwaitable__table, NULL,
                                                                         NULL);
}
PYAWAITABLE_INLINE void
PyAwaitable__store(const PyAwaitable_Table *table)
{
    _InterlockedExchangePointer((void *volatile *)&PyAwaitable__table, (void *)table);
}
#else
PYAWAITABLE_INLINE const PyAwaitable_Table *
PyAwaitable__load(void)
{
    return __atomic_load_n(&PyAwaitable__table, __ATOMIC_ACQUIRE);
}
PYAWAITABLE_INLINE void
PyAwaitable__store(const PyAwaitable_Table *table)
{
    __atomic_store_n(&PyAwaitable__table, table, __ATOMIC_RELEASE);
}
#endif

/* What to install: a runtime that is new enough, of the same major version. */
#define PYAWAITABLE__RUNTIME "\"pyawaitable-rs>=%d.%d,<%d\""
#define PYAWAITABLE__RUNTIME_VERSIONS                                                                                  \
    PyAwaitable_MAJOR_VERSION, PYAWAITABLE__DEMANDED_MINOR, PyAwaitable_MAJOR_VERSION + 1

/* Whether an exception says that there is no module '_pyawaitable' at all. */
PYAWAITABLE_COLD int
PyAwaitable__is_missing(PyObject *exception)
{
    int missing;
    PyObject *name;
    if (exception == NULL || !PyErr_GivenExceptionMatches(exception, PyExc_ModuleNotFoundError)) {
        return 0;
    }
    name = PyObject_GetAttrString(exception, "name");
    missing = name != NULL && PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "_pyawaitable") == 0;
    Py_XDECREF(name);
    PyErr_Clear();
    return missing;
}

/* An attribute, for a message: None if it does not exist. */
PYAWAITABLE_COLD PyObject *
PyAwaitable__shown(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    if (value == NULL) {
        PyErr_Clear();
        Py_INCREF(Py_None);
        value = Py_None;
    }
    return value;
}

/* Whether this is a frozen application: its users have no pip, so the advice is for its authors. PyInstaller, cx_Freeze and
   others set sys.frozen; Nuitka gives the main module an attribute. */
PYAWAITABLE_COLD int
PyAwaitable__is_frozen(void)
{
    PyObject *frozen =
        PySys_GetObject("frozen"); /* both are borrowed, and NULL without an exception where there is none */
    PyObject *modules = PySys_GetObject("modules");
    PyObject *program, *compiled, *standalone;
    int result = frozen != NULL && PyObject_IsTrue(frozen) > 0;
    PyErr_Clear();
    program = result || modules == NULL ? NULL : PyMapping_GetItemString(modules, "__main__");
    if (program == NULL) {
        PyErr_Clear();
        return result;
    }
    compiled = PyAwaitable__shown(program, "__compiled__");
    standalone = PyAwaitable__shown(compiled, "standalone");
    result = standalone == Py_True;
    Py_DECREF(standalone);
    Py_DECREF(compiled);
    Py_DECREF(program);
    return result;
}

/* Replaces the exception that is set, if it is an ImportError or similar, with an ImportError that says what to do, and has the
   first as its cause. `found` is the module that was found, or NULL. */
PYAWAITABLE_COLD void
PyAwaitable__cannot_import(PyObject *found)
{
    PyObject *type, *cause, *traceback, *type_now, *value, *traceback_now;
    const char *where = "";
    if (!PyErr_ExceptionMatches(PyExc_ImportError) && !PyErr_ExceptionMatches(PyExc_AttributeError) &&
        !PyErr_ExceptionMatches(PyExc_ValueError)) {
        return;
    }
    PyErr_Fetch(&type, &cause, &traceback);
    PyErr_NormalizeException(&type, &cause, &traceback);
    if (PyAwaitable__is_frozen()) {
        where = "  where this application was frozen, and freeze it again";
    }
    if (found != NULL) {
        PyObject *path = PyAwaitable__shown(found, "__file__");
        PyObject *version = PyAwaitable__shown(found, "__version__");
        PyErr_Format(
            PyExc_ImportError,
            "this extension needs the runtime of PyAwaitable %d, and the module '_pyawaitable' (%S, version %S) "
            "is not one of it, is not whole, or was installed by another Python: uninstall the distribution "
            "'pyawaitable' if it is there, then install the runtime anew with  pip install "
            "--force-reinstall " PYAWAITABLE__RUNTIME "%s",
            PyAwaitable_MAJOR_VERSION, path, version, PYAWAITABLE__RUNTIME_VERSIONS, where);
        Py_DECREF(path);
        Py_DECREF(version);
    }
    else if (PyAwaitable__is_missing(cause) && where[0] != '\0') {
        PyErr_SetString(
            PyExc_ImportError,
            "this application was frozen without the module '_pyawaitable', which one of its extensions imports "
            "from C, where no tool can see it: freeze it again and name that module, by the option  "
            "--hidden-import=_pyawaitable  of PyInstaller,  --include-module=_pyawaitable  of Nuitka, or  "
            "--includes=_pyawaitable  of cx_Freeze");
    }
    else if (PyAwaitable__is_missing(cause)) {
        PyErr_Format(PyExc_ImportError,
                     "this extension needs the runtime of PyAwaitable %d, and there is no module '_pyawaitable': "
                     "uninstall the distribution 'pyawaitable' if it is there, then install the runtime with "
                     " pip install " PYAWAITABLE__RUNTIME,
                     PyAwaitable_MAJOR_VERSION, PYAWAITABLE__RUNTIME_VERSIONS);
    }
    else {
        PyErr_Format(PyExc_ImportError,
                     "this extension needs the runtime of PyAwaitable %d, and the module '_pyawaitable' cannot be "
                     "imported (%S); it is not whole, or was installed by another Python: install it anew with "
                     " pip install --force-reinstall " PYAWAITABLE__RUNTIME "%s",
                     PyAwaitable_MAJOR_VERSION, cause == NULL ? Py_None : cause, PYAWAITABLE__RUNTIME_VERSIONS, where);
    }
    PyErr_Fetch(&type_now, &value, &traceback_now);
    PyErr_NormalizeException(&type_now, &value, &traceback_now);
    if (value != NULL && cause != NULL) {
        if (traceback != NULL) {
            PyException_SetTraceback(cause, traceback);
        }
        PyException_SetCause(value, cause);
        cause = NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(cause);
    Py_XDECREF(traceback);
    PyErr_Restore(type_now, value, traceback_now);
}

/* Says that the runtime that is installed is not new enough, for `what`. */
PYAWAITABLE_COLD void
PyAwaitable__does_not_fit(const PyAwaitable_Table *table, const char *what, int minor)
{
    PyErr_Format(PyExc_ImportError,
                 "%s PyAwaitable %d.%d, and the runtime that is installed is %d.%d.%d: install one that fits with "
                 " pip install --upgrade " PYAWAITABLE__RUNTIME "%s",
                 what, PyAwaitable_MAJOR_VERSION, minor, (int)(table->version >> 24),
                 (int)(table->version >> 16 & 0xFF), (int)(table->version >> 8 & 0xFF), PyAwaitable_MAJOR_VERSION,
                 minor, PyAwaitable_MAJOR_VERSION + 1,
                 PyAwaitable__is_frozen() ? "  where this application was frozen, and freeze it again" : "");
}

/* Whether the runtime is suitable for this extension: the same major version, and at least as new as required. */
PYAWAITABLE_COLD int
PyAwaitable__fits(const PyAwaitable_Table *table)
{
    if (table->version >> 24 == PyAwaitable_MAJOR_VERSION &&
        (table->version >> 16 & 0xFF) + 1 > PYAWAITABLE__DEMANDED_MINOR && /* not >=, which is always true of 0 */
        table->size >= (Py_ssize_t)PYAWAITABLE__DEMANDED_SIZE) {
        return 1;
    }
    PyAwaitable__does_not_fit(table, "this extension needs", PYAWAITABLE__DEMANDED_MINOR);
    return 0;
}

/* Says that the runtime is older than a function. This replaces an exception that was set. */
PYAWAITABLE_COLD void
PyAwaitable__lacks(const PyAwaitable_Table *table, int minor, const char *function)
{
    char what[128];
    PyErr_Clear();
    PyOS_snprintf(what, sizeof(what), "%s() came with", function);
    PyAwaitable__does_not_fit(table, what, minor);
}

#undef PYAWAITABLE__RUNTIME
#undef PYAWAITABLE__RUNTIME_VERSIONS

/* Imports the runtime, and keeps its table. */
PYAWAITABLE_COLD const PyAwaitable_Table *
PyAwaitable__import(void)
{
    const PyAwaitable_Table *table = NULL;
    PyObject *capsule = NULL;
    PyObject *module = PyImport_ImportModule("_pyawaitable");
    if (module != NULL) {
        capsule = PyObject_GetAttrString(module, "abi_v3");
    }
    if (capsule != NULL) {
        table = (const PyAwaitable_Table *)PyCapsule_GetPointer(capsule, "_pyawaitable.abi_v3");
    }
    if (table == NULL) {
        PyAwaitable__cannot_import(module);
    }
    else if (!PyAwaitable__fits(table)) {
        table = NULL;
    }
    else {
        PyAwaitable__store(table);
    }
    Py_XDECREF(capsule);
    Py_XDECREF(module);
    return table;
}

/* The table, imported if PyAwaitable_Init() has not done so. An exception that was set before stays, unless the import
   fails. */
PYAWAITABLE_COLD const PyAwaitable_Table *
PyAwaitable__find(void)
{
    PyObject *type, *value, *traceback;
    const PyAwaitable_Table *table;
    PyErr_Fetch(&type, &value, &traceback);
    table = PyAwaitable__import();
    if (table != NULL) {
        PyErr_Restore(type, value, traceback);
    }
    else {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    return table;
}

PYAWAITABLE_INLINE const PyAwaitable_Table *
PyAwaitable__get(void)
{
    const PyAwaitable_Table *table = PyAwaitable__load();
    return PYAWAITABLE__UNLIKELY(table == NULL) ? PyAwaitable__find() : table;
}

/* The table, if it has the entry at `offset`, which was added in 3.`minor`; otherwise NULL with an exception set. */
PYAWAITABLE_INLINE const PyAwaitable_Table *
PyAwaitable__get_newer(int minor, size_t offset, const char *function)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table != NULL && (size_t)table->size <= offset)) {
        PyAwaitable__lacks(table, minor, function);
        return NULL;
    }
    return table;
}

#endif /* PYAWAITABLE_LINK */

#endif /* PYAWAITABLE_FIND_H */
