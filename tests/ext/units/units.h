/* An extension of several translation units. module.c calls PyAwaitable_Init(), the others use the API without. */
#ifndef UNITS_H
#define UNITS_H

PyObject *units_total(PyObject *module, PyObject *args);
PyObject *units_sized(PyObject *module, PyObject *args);
PyObject *units_sized_unclean(PyObject *module, PyObject *args);
PyObject *units_build_unclean(PyObject *module, PyObject *data);
PyObject *units_many_values(PyObject *module, PyObject *number);

#endif
