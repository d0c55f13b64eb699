/* The part of pyawaitable.h that is code: how the functions are found, those with a variable number of arguments, and
   the names of PyAwaitable 1.x. Written by hand, and included by pyawaitable.h alone. */
#ifndef PYAWAITABLE_INLINE_H
#define PYAWAITABLE_INLINE_H

#include <stdarg.h>
#include <string.h>
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

/* ---- Names that follow from others ------------------------------------------------------------------------------- */

#define PyAwaitable_PATCH_VERSION PyAwaitable_MICRO_VERSION
#define PyAwaitable_MAGIC_NUMBER                                                                                       \
    (PyAwaitable_MAJOR_VERSION * 1000 + PyAwaitable_MINOR_VERSION * 100 + PyAwaitable_MICRO_VERSION * 10)

/* The object itself is nobody's business but the library's. */
typedef struct PyAwaitableObject PyAwaitableObject;

/* ---- How the functions are found ---------------------------------------------------------------------------------- */

#ifndef PYAWAITABLE_LINK

/* The table that this file has found. It is the same for all interpreters of the process, each of which keeps its own
   state behind it; it is set at most once to a value other than NULL, by whichever thread comes first. */
static const PyAwaitable_Table *PyAwaitable__table = NULL;

#if defined(_MSC_VER) && !defined(__clang__)
PYAWAITABLE_INLINE const PyAwaitable_Table *PyAwaitable__load(void)
{
    return (const PyAwaitable_Table *)_InterlockedCompareExchangePointer((void *volatile *)&PyAwaitable__table, NULL,
                                                                         NULL);
}
PYAWAITABLE_INLINE void PyAwaitable__store(const PyAwaitable_Table *table)
{
    _InterlockedExchangePointer((void *volatile *)&PyAwaitable__table, (void *)table);
}
#define PYAWAITABLE__UNLIKELY(condition) (condition)
#else
PYAWAITABLE_INLINE const PyAwaitable_Table *PyAwaitable__load(void)
{
    return __atomic_load_n(&PyAwaitable__table, __ATOMIC_ACQUIRE);
}
PYAWAITABLE_INLINE void PyAwaitable__store(const PyAwaitable_Table *table)
{
    __atomic_store_n(&PyAwaitable__table, table, __ATOMIC_RELEASE);
}
#define PYAWAITABLE__UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#endif

/* What to install: a runtime that is new enough, of the same major version. */
#define PYAWAITABLE__RUNTIME "\"pyawaitable-rs>=%d.%d,<%d\""
#define PYAWAITABLE__RUNTIME_VERSIONS                                                                                  \
    PyAwaitable_MAJOR_VERSION, PyAwaitable_MINOR_VERSION, PyAwaitable_MAJOR_VERSION + 1

/* Whether an exception says that there is no module '_pyawaitable' at all. */
PYAWAITABLE_COLD int PyAwaitable__is_missing(PyObject *exception)
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

/* An attribute as it is shown to a person: None where there is none. */
PYAWAITABLE_COLD PyObject *PyAwaitable__shown(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    if (value == NULL) {
        PyErr_Clear();
        Py_INCREF(Py_None);
        value = Py_None;
    }
    return value;
}

/* Whether this is an application that was frozen: those who run it have no pip, so the advice is for those who made it.
   PyInstaller, cx_Freeze and others set sys.frozen; Nuitka gives the main module an attribute. */
PYAWAITABLE_COLD int PyAwaitable__is_frozen(void)
{
    PyObject *frozen = PySys_GetObject("frozen"); /* both are borrowed, and NULL without an exception where there is none */
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

/* Replaces the exception that is set, if it is an ImportError or its like, by an ImportError that says what to do, with
   the first as its cause. `found` is the module that was found, or NULL. */
PYAWAITABLE_COLD void PyAwaitable__cannot_import(PyObject *found)
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
        PyErr_Format(PyExc_ImportError,
                     "this extension needs the runtime of PyAwaitable %d, and the module '_pyawaitable' (%S, version %S) "
                     "is not one of it, or is not whole: uninstall the distribution 'pyawaitable' if it is there, then "
                     "install the runtime anew with  pip install --force-reinstall " PYAWAITABLE__RUNTIME "%s",
                     PyAwaitable_MAJOR_VERSION, path, version, PYAWAITABLE__RUNTIME_VERSIONS, where);
        Py_DECREF(path);
        Py_DECREF(version);
    }
    else if (PyAwaitable__is_missing(cause) && where[0] != '\0') {
        PyErr_SetString(PyExc_ImportError,
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

/* Whether the runtime is one that this header's table fits: the same major version, and at least as new. */
PYAWAITABLE_COLD int PyAwaitable__fits(const PyAwaitable_Table *table)
{
    if (table->version >> 24 == PyAwaitable_MAJOR_VERSION &&
        (table->version >> 16 & 0xFF) + 1 > PyAwaitable_MINOR_VERSION && /* not >=, which is always true of 0 */
        table->size >= (Py_ssize_t)sizeof(PyAwaitable_Table)) {
        return 1;
    }
    PyErr_Format(PyExc_ImportError,
                 "this extension was built with PyAwaitable %d.%d.%d, and the runtime that is installed is %d.%d.%d: "
                 "install one that fits with  pip install --upgrade " PYAWAITABLE__RUNTIME,
                 PyAwaitable_MAJOR_VERSION, PyAwaitable_MINOR_VERSION, PyAwaitable_MICRO_VERSION,
                 (int)(table->version >> 24), (int)(table->version >> 16 & 0xFF), (int)(table->version >> 8 & 0xFF),
                 PYAWAITABLE__RUNTIME_VERSIONS);
    return 0;
}

#undef PYAWAITABLE__RUNTIME
#undef PYAWAITABLE__RUNTIME_VERSIONS

/* Imports the runtime, and keeps its table. */
PYAWAITABLE_COLD const PyAwaitable_Table *PyAwaitable__import(void)
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

/* The table, imported where no call of PyAwaitable_Init() has done so. An exception that is set before stays, unless the
   import fails. */
PYAWAITABLE_COLD const PyAwaitable_Table *PyAwaitable__find(void)
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

PYAWAITABLE_INLINE const PyAwaitable_Table *PyAwaitable__get(void)
{
    const PyAwaitable_Table *table = PyAwaitable__load();
    return PYAWAITABLE__UNLIKELY(table == NULL) ? PyAwaitable__find() : table;
}

/* Calls a function of the table, or gives `failure` where there is none. */
#define PYAWAITABLE__CALL(function, arguments, failure)                                                                \
    const PyAwaitable_Table *table = PyAwaitable__get();                                                               \
    return PYAWAITABLE__UNLIKELY(table == NULL) ? (failure) : table->function arguments

PYAWAITABLE_API int PyAwaitable_Init(void)
{
    PYAWAITABLE__CALL(Init, (), -1);
}

PYAWAITABLE_API PyTypeObject *PyAwaitable_GetType(void)
{
    PYAWAITABLE__CALL(GetType, (), NULL);
}

PYAWAITABLE_API PyObject *PyAwaitable_New(void)
{
    PYAWAITABLE__CALL(New, (), NULL);
}

PYAWAITABLE_API int PyAwaitable_AddAwait(PyObject *awaitable, PyObject *object, PyAwaitable_Callback callback,
                                         PyAwaitable_Error error)
{
    PYAWAITABLE__CALL(AddAwait, (awaitable, object, callback, error), -1);
}

/* Steals `expr` where there is no table, too. */
PYAWAITABLE_API int PyAwaitable_AddExpr(PyObject *awaitable, PyObject *expr, PyAwaitable_Callback callback,
                                        PyAwaitable_Error error)
{
    const PyAwaitable_Table *table;
    if (expr == NULL) {
        return -1;
    }
    table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        Py_DECREF(expr);
        return -1;
    }
    return table->AddExpr(awaitable, expr, callback, error);
}

PYAWAITABLE_API int PyAwaitable_DeferAwait(PyObject *awaitable, PyAwaitable_Defer callback)
{
    PYAWAITABLE__CALL(DeferAwait, (awaitable, callback), -1);
}

/* Steals `arguments` where there is no table, too. */
PYAWAITABLE_API int PyAwaitable_AwaitCall(PyObject *awaitable, PyObject *function, PyObject *arguments,
                                          PyAwaitable_Callback callback, PyAwaitable_Error error)
{
    const PyAwaitable_Table *table;
    if (arguments == NULL) {
        return -1;
    }
    table = PyAwaitable__get();
    if (PYAWAITABLE__UNLIKELY(table == NULL)) {
        Py_DECREF(arguments);
        return -1;
    }
    return table->AwaitCall(awaitable, function, arguments, callback, error);
}

PYAWAITABLE_API int PyAwaitable_AsyncWith(PyObject *awaitable, PyObject *context, PyAwaitable_Callback callback,
                                          PyAwaitable_Error error)
{
    PYAWAITABLE__CALL(AsyncWith, (awaitable, context, callback, error), -1);
}

PYAWAITABLE_API void PyAwaitable_Cancel(PyObject *awaitable)
{
    const PyAwaitable_Table *table = PyAwaitable__get();
    if (table != NULL) {
        table->Cancel(awaitable);
    }
}

PYAWAITABLE_API int PyAwaitable_SetResult(PyObject *awaitable, PyObject *result)
{
    PYAWAITABLE__CALL(SetResult, (awaitable, result), -1);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_ValueCount(PyObject *awaitable)
{
    PYAWAITABLE__CALL(ValueCount, (awaitable), -1);
}

PYAWAITABLE_API int PyAwaitable_SaveValueArray(PyObject *awaitable, Py_ssize_t count, PyObject *const *values)
{
    PYAWAITABLE__CALL(SaveValueArray, (awaitable, count, values), -1);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackValueArray(PyObject *awaitable, Py_ssize_t count, PyObject **values)
{
    PYAWAITABLE__CALL(UnpackValueArray, (awaitable, count, values), -1);
}

PYAWAITABLE_API int PyAwaitable_SetValue(PyObject *awaitable, Py_ssize_t index, PyObject *value)
{
    PYAWAITABLE__CALL(SetValue, (awaitable, index, value), -1);
}

PYAWAITABLE_API PyObject *PyAwaitable_GetValue(PyObject *awaitable, Py_ssize_t index)
{
    PYAWAITABLE__CALL(GetValue, (awaitable, index), NULL);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_ArbValueCount(PyObject *awaitable)
{
    PYAWAITABLE__CALL(ArbValueCount, (awaitable), -1);
}

PYAWAITABLE_API int PyAwaitable_SaveArbValueArray(PyObject *awaitable, Py_ssize_t count, void *const *values)
{
    PYAWAITABLE__CALL(SaveArbValueArray, (awaitable, count, values), -1);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackArbValueArray(PyObject *awaitable, Py_ssize_t count, void **values)
{
    PYAWAITABLE__CALL(UnpackArbValueArray, (awaitable, count, values), -1);
}

PYAWAITABLE_API int PyAwaitable_SetArbValue(PyObject *awaitable, Py_ssize_t index, void *value)
{
    PYAWAITABLE__CALL(SetArbValue, (awaitable, index, value), -1);
}

PYAWAITABLE_API void *PyAwaitable_GetArbValue(PyObject *awaitable, Py_ssize_t index)
{
    PYAWAITABLE__CALL(GetArbValue, (awaitable, index), NULL);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_IntValueCount(PyObject *awaitable)
{
    PYAWAITABLE__CALL(IntValueCount, (awaitable), -1);
}

PYAWAITABLE_API int PyAwaitable_SaveIntValueArray(PyObject *awaitable, Py_ssize_t count, const long *values)
{
    PYAWAITABLE__CALL(SaveIntValueArray, (awaitable, count, values), -1);
}

PYAWAITABLE_API Py_ssize_t PyAwaitable_UnpackIntValueArray(PyObject *awaitable, Py_ssize_t count, long *values)
{
    PYAWAITABLE__CALL(UnpackIntValueArray, (awaitable, count, values), -1);
}

PYAWAITABLE_API int PyAwaitable_SetIntValue(PyObject *awaitable, Py_ssize_t index, long value)
{
    PYAWAITABLE__CALL(SetIntValue, (awaitable, index, value), -1);
}

PYAWAITABLE_API long PyAwaitable_GetIntValue(PyObject *awaitable, Py_ssize_t index)
{
    PYAWAITABLE__CALL(GetIntValue, (awaitable, index), -1);
}

#undef PYAWAITABLE__CALL

#endif /* PYAWAITABLE_LINK */

/* ---- A variable number of arguments -------------------------------------------------------------------------------- */

/* Up to so many arguments need no memory of their own. */
#define PYAWAITABLE__FEW 32

/* Room for `count` elements of `size` bytes: `few` where that is enough, else memory for PyAwaitable__free_array. NULL
   with an exception set: MemoryError, or what is wrong with the awaitable. A negative count needs none, and is for the
   function that gets the array to refuse. */
PYAWAITABLE_INLINE void *PyAwaitable__new_array(PyObject *awaitable, void *few, Py_ssize_t count, size_t size)
{
    void *array;
    if (count <= PYAWAITABLE__FEW) {
        return few;
    }
    if (PyAwaitable_ValueCount(awaitable) < 0) {
        return NULL;
    }
    array = (size_t)count > (size_t)PY_SSIZE_T_MAX / size ? NULL : PyMem_Malloc((size_t)count * size);
    if (array == NULL) {
        PyErr_NoMemory();
    }
    return array;
}

PYAWAITABLE_INLINE void PyAwaitable__free_array(void *few, void *array)
{
    if (array != few) {
        PyMem_Free(array);
    }
}

/* Collects `count` arguments of `type` after `last` into an array, and calls `function` with it. */
#define PYAWAITABLE__COLLECT(type, last, count, function)                                                              \
    type few[PYAWAITABLE__FEW];                                                                                        \
    type *array = (type *)PyAwaitable__new_array(awaitable, few, count, sizeof(type));                                 \
    Py_ssize_t index;                                                                                                  \
    int status;                                                                                                        \
    va_list arguments;                                                                                                 \
    if (array == NULL) {                                                                                               \
        return -1;                                                                                                     \
    }                                                                                                                  \
    va_start(arguments, last);                                                                                         \
    for (index = 0; index < count; index++) {                                                                          \
        array[index] = va_arg(arguments, type);                                                                        \
    }                                                                                                                  \
    va_end(arguments);                                                                                                 \
    status = function(awaitable, count, array);                                                                        \
    PyAwaitable__free_array(few, array);                                                                               \
    return status

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" /* no more is read than `count` elements */
#endif

PYAWAITABLE_INLINE int PyAwaitable_SaveValues(PyObject *awaitable, Py_ssize_t count, ...)
{
    PYAWAITABLE__COLLECT(PyObject *, count, count, PyAwaitable_SaveValueArray);
}

PYAWAITABLE_INLINE int PyAwaitable_SaveArbValues(PyObject *awaitable, Py_ssize_t count, ...)
{
    PYAWAITABLE__COLLECT(void *, count, count, PyAwaitable_SaveArbValueArray);
}

PYAWAITABLE_INLINE int PyAwaitable_SaveIntValues(PyObject *awaitable, Py_ssize_t count, ...)
{
    PYAWAITABLE__COLLECT(long, count, count, PyAwaitable_SaveIntValueArray);
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/* Writes the saved values, which are of `type` and which `function` copies, to the places after `awaitable`. */
#define PYAWAITABLE__SPREAD(type, function)                                                                            \
    type few[PYAWAITABLE__FEW];                                                                                        \
    type *array = few;                                                                                                 \
    Py_ssize_t index, count = function(awaitable, PYAWAITABLE__FEW, few);                                              \
    va_list arguments;                                                                                                 \
    if (count > PYAWAITABLE__FEW) {                                                                                    \
        const Py_ssize_t room = count;                                                                                 \
        array = (type *)PyAwaitable__new_array(awaitable, few, room, sizeof(type));                                    \
        count = array == NULL ? -1 : function(awaitable, room, array);                                                 \
        /* Without a GIL, another thread may have saved more. */                                                       \
        count = count > room ? room : count;                                                                           \
    }                                                                                                                  \
    va_start(arguments, awaitable);                                                                                    \
    for (index = 0; index < count; index++) {                                                                          \
        type *place = va_arg(arguments, type *);                                                                       \
        if (place != NULL) {                                                                                           \
            *place = array[index];                                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    va_end(arguments);                                                                                                 \
    PyAwaitable__free_array(few, array);                                                                               \
    return count < 0 ? -1 : 0

PYAWAITABLE_INLINE int PyAwaitable_UnpackValues(PyObject *awaitable, ...)
{
    PYAWAITABLE__SPREAD(PyObject *, PyAwaitable_UnpackValueArray);
}

PYAWAITABLE_INLINE int PyAwaitable_UnpackArbValues(PyObject *awaitable, ...)
{
    PYAWAITABLE__SPREAD(void *, PyAwaitable_UnpackArbValueArray);
}

PYAWAITABLE_INLINE int PyAwaitable_UnpackIntValues(PyObject *awaitable, ...)
{
    PYAWAITABLE__SPREAD(long, PyAwaitable_UnpackIntValueArray);
}

#undef PYAWAITABLE__SPREAD
#undef PYAWAITABLE__COLLECT

/* Headers from 3.13 on mean a Py_ssize_t by '#' in a format; an older interpreter, on which an extension for the limited
   API may run, does so in this function alone. */
#if defined(Py_LIMITED_API) && Py_LIMITED_API + 0 < 0x030D0000 && PY_VERSION_HEX >= 0x030D0000
#ifdef __cplusplus
extern "C" {
#endif
PyAPI_FUNC(PyObject *) _Py_VaBuildValue_SizeT(const char *, va_list);
#ifdef __cplusplus
}
#endif
#define PYAWAITABLE__BUILD_VALUE _Py_VaBuildValue_SizeT
#else
#define PYAWAITABLE__BUILD_VALUE Py_VaBuildValue
#endif

/* Here and not in the library, so that PY_SSIZE_T_CLEAN means what it means to the file that calls. */
PYAWAITABLE_INLINE int PyAwaitable_AwaitFunction(PyObject *awaitable, PyObject *function, const char *format,
                                                 PyAwaitable_Callback callback, PyAwaitable_Error error, ...)
{
    PyObject *built;
    if (format == NULL) {
        built = PyTuple_New(0);
    }
    else {
        /* In parentheses, so that one argument makes a tuple, too. */
        PyObject *type, *value, *traceback;
        char few[64];
        size_t length = strlen(format);
        char *whole = length + 3 <= sizeof(few) ? few : (char *)PyMem_Malloc(length + 3);
        va_list arguments;
        if (whole != NULL) {
            whole[0] = '(';
            memcpy(whole + 1, format, length);
            memcpy(whole + 1 + length, ")", 2);
        }
        /* Building may run Python code, which no exception must stand in the way of. */
        PyErr_Fetch(&type, &value, &traceback);
        va_start(arguments, error);
        built = PYAWAITABLE__BUILD_VALUE(whole == NULL ? format : whole, arguments);
        va_end(arguments);
        if (built != NULL || (type != NULL && PyErr_ExceptionMatches(PyExc_SystemError))) {
            /* What failed has failed since an argument is NULL, of which this exception is the reason. */
            PyErr_Restore(type, value, traceback);
        }
        else {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
        }
        if (whole == NULL) {
            /* Built all the same, for the references that 'N' gives away. */
            Py_XDECREF(built);
            PyErr_NoMemory();
            return -1;
        }
        PyAwaitable__free_array(few, whole);
    }
    return PyAwaitable_AwaitCall(awaitable, function, built, callback, error);
}

/* ---- PyAwaitable 1.x ------------------------------------------------------------------------------------------------ */

#define PYAWAITABLE_MAJOR_VERSION PyAwaitable_MAJOR_VERSION
#define PYAWAITABLE_MINOR_VERSION PyAwaitable_MINOR_VERSION
#define PYAWAITABLE_MICRO_VERSION PyAwaitable_MICRO_VERSION
#define PYAWAITABLE_RELEASE_LEVEL PyAwaitable_RELEASE_LEVEL

typedef PyAwaitable_Callback awaitcallback;
typedef PyAwaitable_Error awaitcallback_err;
typedef PyAwaitable_Defer defer_callback;

#define pyawaitable_new PyAwaitable_New
#define pyawaitable_cancel PyAwaitable_Cancel
#define pyawaitable_set_result PyAwaitable_SetResult
#define pyawaitable_await PyAwaitable_AddAwait
#define pyawaitable_await_function PyAwaitable_AwaitFunction
#define pyawaitable_async_with PyAwaitable_AsyncWith
#define pyawaitable_defer_await PyAwaitable_DeferAwait
#define pyawaitable_save PyAwaitable_SaveValues
#define pyawaitable_save_arb PyAwaitable_SaveArbValues
#define pyawaitable_save_int PyAwaitable_SaveIntValues
#define pyawaitable_unpack PyAwaitable_UnpackValues
#define pyawaitable_unpack_arb PyAwaitable_UnpackArbValues
#define pyawaitable_unpack_int PyAwaitable_UnpackIntValues
#define pyawaitable_set PyAwaitable_SetValue
#define pyawaitable_set_arb PyAwaitable_SetArbValue
#define pyawaitable_set_int PyAwaitable_SetIntValue
#define pyawaitable_get PyAwaitable_GetValue
#define pyawaitable_get_arb PyAwaitable_GetArbValue
#define pyawaitable_get_int PyAwaitable_GetIntValue
/* In 1.x one file of an extension initialized, the one that defined PYAWAITABLE_THIS_FILE_INIT; here any may, and
   neither that macro nor PYAWAITABLE_PYAPI changes anything. */
#define pyawaitable_init PyAwaitable_Init

/* An error, as in 1.x: the library is not copied into an extension this way. */
PYAWAITABLE_INLINE int pyawaitable_vendor_init(PyObject *module)
{
    (void)module;
    PyErr_SetString(PyExc_SystemError,
                    "pyawaitable_vendor_init() is for a vendored copy, and this is an installed one: call "
                    "PyAwaitable_Init()");
    return -1;
}

/* The functions as 1.x handed them out. */
#if defined(__GNUC__) && !defined(__cplusplus)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wc++-compat" /* the name `new` */
#endif
typedef struct PyAwaitableABI {
    Py_ssize_t size;
#ifdef __cplusplus
    PyObject *(*new_)(void);
#else
    PyObject *(*new)(void);
#endif
    int (*await)(PyObject *, PyObject *, awaitcallback, awaitcallback_err);
    void (*cancel)(PyObject *);
    int (*set_result)(PyObject *, PyObject *);
    int (*save)(PyObject *, Py_ssize_t, ...);
    int (*save_arb)(PyObject *, Py_ssize_t, ...);
    int (*unpack)(PyObject *, ...);
    int (*unpack_arb)(PyObject *, ...);
    PyTypeObject *PyAwaitableType;
    int (*await_function)(PyObject *, PyObject *, const char *, awaitcallback, awaitcallback_err, ...);
    int (*save_int)(PyObject *, Py_ssize_t, ...);
    int (*unpack_int)(PyObject *, ...);
    int (*set)(PyObject *, Py_ssize_t, PyObject *);
    int (*set_arb)(PyObject *, Py_ssize_t, void *);
    int (*set_int)(PyObject *, Py_ssize_t, long);
    PyObject *(*get)(PyObject *, Py_ssize_t);
    void *(*get_arb)(PyObject *, Py_ssize_t);
    long (*get_int)(PyObject *, Py_ssize_t);
    int (*async_with)(PyObject *, PyObject *, awaitcallback, awaitcallback_err);
    int (*defer_await)(PyObject *, defer_callback);
} PyAwaitableABI;
#if defined(__GNUC__) && !defined(__cplusplus)
#pragma GCC diagnostic pop
#endif

/* Its value, without the type. */
#define PYAWAITABLE__ABI                                                                                               \
    {                                                                                                                  \
        (Py_ssize_t)sizeof(PyAwaitableABI), PyAwaitable_New, PyAwaitable_AddAwait, PyAwaitable_Cancel,                 \
            PyAwaitable_SetResult, PyAwaitable_SaveValues, PyAwaitable_SaveArbValues, PyAwaitable_UnpackValues,        \
            PyAwaitable_UnpackArbValues, NULL, PyAwaitable_AwaitFunction, PyAwaitable_SaveIntValues,                   \
            PyAwaitable_UnpackIntValues, PyAwaitable_SetValue, PyAwaitable_SetArbValue, PyAwaitable_SetIntValue,       \
            PyAwaitable_GetValue, PyAwaitable_GetArbValue, PyAwaitable_GetIntValue, PyAwaitable_AsyncWith,             \
            PyAwaitable_DeferAwait                                                                                     \
    }

/* The functions of this header in that form. The type is that of the interpreter that has asked last: an extension that is
   in several at a time asks PyAwaitable_GetType(). */
PYAWAITABLE_INLINE PyAwaitableABI *PyAwaitable__abi(void)
{
    static PyAwaitableABI abi = PYAWAITABLE__ABI;
#if defined(_MSC_VER) && !defined(__clang__)
    _InterlockedExchangePointer((void *volatile *)&abi.PyAwaitableType, (void *)PyAwaitable_GetType());
#else
    __atomic_store_n(&abi.PyAwaitableType, PyAwaitable_GetType(), __ATOMIC_RELEASE);
#endif
    return &abi;
}

#define pyawaitable_abi PyAwaitable__abi()
#define PyAwaitable_ABI PyAwaitable__abi()
#define PyAwaitableType PyAwaitable_GetType()
#define PyAwaitable_Type PyAwaitable_GetType()

#include "pyawaitable_backports.h"

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* PYAWAITABLE_INLINE_H */
