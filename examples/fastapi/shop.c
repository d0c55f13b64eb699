/* A path operation for FastAPI, its dependency, and what they await. in_python.py is the same as `async def`, in that order.
 *
 * FastAPI gets the parameters from the signatures in the docstrings at the end. Their annotations are strings, which it looks
 * up in this module: what they name has to be there.
 */
#include <Python.h>
#define PYAWAITABLE_KEYWORDS /* METH_ASYNC */
#include <pyawaitable.h>

/* from module import name */
static PyObject *
import_from(const char *module, const char *name)
{
    PyObject *imported = PyImport_ImportModule(module);
    if (imported == NULL) {
        return NULL;
    }
    PyObject *found = PyObject_GetAttrString(imported, name);
    Py_DECREF(imported);
    return found;
}

/* raise HTTPException(status, detail) */
static void
raise_http_exception(int status, const char *detail)
{
    PyObject *type = import_from("fastapi", "HTTPException");
    PyObject *exception = type == NULL ? NULL : PyObject_CallFunction(type, "is", status, detail);
    if (exception != NULL) {
        PyErr_SetObject(type, exception);
    }
    Py_XDECREF(exception);
    Py_XDECREF(type);
}

/* await asyncio.sleep(0.1), as a database might take so long. `then` finds `module` among the saved values. */
static int
wait_for_database(PyObject *awaitable, PyObject *module, PyAwaitable_Callback then)
{
    PyObject *sleep = import_from("asyncio", "sleep");
    if (sleep == NULL) {
        return -1;
    }
    int status = PyAwaitable_SaveValues(awaitable, 1, module);
    if (status == 0) {
        status = PyAwaitable_AwaitFunction(awaitable, sleep, "d", then, NULL, 0.1);
    }
    Py_DECREF(sleep);
    return status;
}

/* return table[key], of the module that was saved and the argument that was parsed */
static int
return_from(PyObject *awaitable, const char *table)
{
    PyObject *module, *key;
    if (PyAwaitable_UnpackValues(awaitable, &module) < 0 || PyAwaitable_Unpack(awaitable, &key) < 0) {
        return -1;
    }
    PyObject *rows = PyObject_GetAttrString(module, table);
    PyObject *value = rows == NULL ? NULL : PyObject_GetItem(rows, key);
    int status = value == NULL ? -1 : PyAwaitable_SetResult(awaitable, value);
    Py_XDECREF(value);
    Py_XDECREF(rows);
    return status;
}

/* ---- customer(token) ---- */

static int
find_customer(PyObject *awaitable, PyObject *Py_UNUSED(slept))
{
    if (return_from(awaitable, "CUSTOMERS") == 0) {
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        raise_http_exception(401, "nobody has this token");
    }
    return -1;
}

static PyObject *
customer(PyObject *module, PyObject *args)
{
    PyObject *token = NULL;
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_ParseTuple(awaitable, args, "U:customer", &token) < 0 ||
        wait_for_database(awaitable, module, find_customer) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

/* ---- price(item_id) ---- */

static int
find_price(PyObject *awaitable, PyObject *Py_UNUSED(slept))
{
    return return_from(awaitable, "PRICES");
}

static PyObject *
price(PyObject *module, PyObject *args)
{
    PyObject *item_id = NULL;
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_ParseTuple(awaitable, args, "O:price", &item_id) < 0 ||
        wait_for_database(awaitable, module, find_price) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

/* ---- item(item_id, customer, count=1) ---- */

static int
on_price(PyObject *awaitable, PyObject *price)
{
    PyObject *item_id, *customer, *count;
    if (PyAwaitable_Unpack(awaitable, &item_id, &customer, &count) < 0) {
        return -2; /* passes by on_no_price, which is for what the await raises */
    }
    PyObject *total = count == NULL ? Py_NewRef(price) : PyNumber_Multiply(price, count);
    PyObject *answer = Py_BuildValue("{s:O, s:O, s:N}", "item_id", item_id, "customer", customer, "total", total);
    int status = answer == NULL ? -2 : PyAwaitable_SetResult(awaitable, answer);
    Py_XDECREF(answer);
    return status;
}

static int
on_no_price(PyObject *Py_UNUSED(awaitable), PyObject *exception)
{
    if (!PyErr_GivenExceptionMatches(exception, PyExc_LookupError)) {
        return -1; /* raises the same again */
    }
    raise_http_exception(404, "no such item");
    return -2; /* raises this one, in whose context the other is */
}

static PyObject *
item(PyObject *module, PyObject *args)
{
    PyObject *item_id = NULL, *customer = NULL, *count = NULL; /* no count is 1, as the signature says */
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_ParseTuple(awaitable, args, "OO|O:item", &item_id, &customer, &count) < 0 ||
        PyAwaitable_AddExpr(awaitable, PyObject_CallMethod(module, "price", "O", item_id), on_price, on_no_price) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

/* ---- The module ---- */

static PyMethodDef functions[] = {
    {"customer", customer, METH_VARARGS | METH_ASYNC,
     "customer(token: str)\n--\n\n"
     "Who has the token."},
    {"price", price, METH_VARARGS | METH_ASYNC,
     "price(item_id: int)\n--\n\n"
     "What one of an item costs."},
    {"item", item, METH_VARARGS | METH_ASYNC,
     "item(item_id: int, customer: Annotated[str, Depends(customer)], count: int = 1)\n--\n\n"
     "What that many of an item cost."},
    {NULL, NULL, 0, NULL},
};

/* Adds what was just made, unless that failed. */
static int
add(PyObject *module, const char *name, PyObject *value)
{
    int status = value == NULL ? -1 : PyObject_SetAttrString(module, name, value);
    Py_XDECREF(value);
    return status;
}

static int
shop_exec(PyObject *module)
{
    if (add(module, "CUSTOMERS", Py_BuildValue("{s:s, s:s}", "red", "Ada", "blue", "Grace")) < 0 ||
        add(module, "PRICES", Py_BuildValue("{i:i, i:i, i:i}", 1, 250, 2, 400, 3, 1000)) < 0) {
        return -1;
    }
    /* What the annotations of `item` name besides `customer`. */
    if (add(module, "Annotated", import_from("typing", "Annotated")) < 0 ||
        add(module, "Depends", import_from("fastapi", "Depends")) < 0) {
        return -1;
    }
    return PyAwaitable_AddFunctions(module, functions);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)shop_exec},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef shop = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shop",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_shop(void)
{
    return PyModuleDef_Init(&shop);
}
