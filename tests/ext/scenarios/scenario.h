/*
 * What the scenarios share. A scenario is a function of the module `scenarios` that takes one Python object, `env`, and
 * returns an awaitable. Its twin is an `async def` of the same name in tests/differential/twins. Both write what they see
 * to `env.log`, and the test is that the two logs are equal.
 *
 * `env` is saved value 0 of every awaitable made here.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

/* A new awaitable with `env` saved. A strong reference, or NULL with an exception set. */
PyObject *scenario_new(PyObject *env);

/* Ends a scenario function: `awaitable` itself if `status` is 0, otherwise releases it and returns NULL. */
PyObject *scenario_done(PyObject *awaitable, int status);

/* Names it: the name shows in the warning for one that is never awaited. */
int scenario_name(PyObject *awaitable, const char *name);

/* env.METHOD(name): a strong reference, or NULL with an exception set. */
PyObject *scenario_make(PyObject *awaitable, const char *method, const char *name);

/* Queues env.inner(name), or async with env.context(name). */
int scenario_await(PyObject *awaitable, const char *name, PyAwaitable_Callback cb, PyAwaitable_Error err);
int scenario_with(PyObject *awaitable, const char *name, PyAwaitable_Callback cb, PyAwaitable_Error err);

/* env.log(what, value); env.log(what) for a NULL value. 0, or -1 with an exception set. */
int scenario_log(PyObject *awaitable, const char *what, PyObject *value);

/* SetResult with a Python str. */
int scenario_result(PyObject *awaitable, const char *text);

/* Callbacks that many scenarios use. Each logs what it is given under its own kind ("callback" or "error callback"). */
int logs(PyObject *awaitable, PyObject *value);
int returns(PyObject *awaitable, PyObject *value);      /* the result is the value */
int fails(PyObject *awaitable, PyObject *value);        /* ValueError("from the callback"), -1 */
int fails_past(PyObject *awaitable, PyObject *value);   /* ValueError("from the callback"), -2 */
int handles(PyObject *awaitable, PyObject *exception);  /* 0 */
int reraises(PyObject *awaitable, PyObject *exception); /* -1 */
int replaces(PyObject *awaitable, PyObject *exception); /* LookupError("from the error callback"), -2 */

/* The scenarios of each file. */
extern PyMethodDef plain_scenarios[];
extern PyMethodDef queue_scenarios[];
extern PyMethodDef error_scenarios[];
extern PyMethodDef block_scenarios[];
extern PyMethodDef cancel_scenarios[];
extern PyMethodDef nested_scenarios[];
extern PyMethodDef loop_scenarios[];
extern PyMethodDef iteration_scenarios[];
extern PyMethodDef tools[];
int scenario_add_functions(PyObject *module); /* those that are called as `async def` functions are */

#endif
