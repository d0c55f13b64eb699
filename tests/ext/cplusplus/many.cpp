// Variadic functions called with 0, 1, 20 and 300 arguments, as templates that forward a pack do.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

#include "cplusplus.hpp"

#include <cstddef>

namespace {

// std::index_sequence is C++14; this header is for C++11 too.
template <std::size_t... I> struct Indexes {};
template <std::size_t N, std::size_t... I> struct Count : Count<N - 1, N - 1, I...> {};
template <std::size_t... I> struct Count<0, I...> {
    using Sequence = Indexes<I...>;
};

constexpr std::size_t most = 300;

struct Values {
    PyObject *objects[most], *objects_read[most];
    void *pointers[most], *pointers_read[most];
    long longs[most], longs_read[most];

    Values()
    {
        for (std::size_t i = 0; i < most; i++) {
            objects[i] = i % 2 ? Py_True : Py_False;
            pointers[i] = &pointers[i];
            longs[i] = 1000000L + static_cast<long>(i);
            objects_read[i] = nullptr;
            pointers_read[i] = nullptr;
            longs_read[i] = 0;
        }
    }

    bool are_read(std::size_t number) const
    {
        for (std::size_t i = 0; i < most; i++) {
            bool read = i < number;
            if (objects_read[i] != (read ? objects[i] : nullptr) || longs_read[i] != (read ? longs[i] : 0) ||
                pointers_read[i] != (read ? pointers[i] : nullptr)) {
                return false;
            }
        }
        return true;
    }
};

template <std::size_t... I>
bool
save_and_unpack(PyObject *aw, Values &v, Indexes<I...>)
{
    constexpr Py_ssize_t n = sizeof...(I);
    if (PyAwaitable_SaveValues(aw, n, v.objects[I]...) < 0 || PyAwaitable_SaveArbValues(aw, n, v.pointers[I]...) < 0 ||
        PyAwaitable_SaveIntValues(aw, n, v.longs[I]...) < 0) {
        return false;
    }
    return n == 0 || (PyAwaitable_UnpackValues(aw, &v.objects_read[I]...) == 0 &&
                      PyAwaitable_UnpackArbValues(aw, &v.pointers_read[I]...) == 0 &&
                      PyAwaitable_UnpackIntValues(aw, &v.longs_read[I]...) == 0);
}

template <std::size_t N>
bool
passes(PyObject *aw)
{
    Values v;
    return save_and_unpack(aw, v, typename Count<N>::Sequence()) && v.are_read(N);
}

} // namespace

// many_values(number): whether that many values of each kind come back.
PyObject *
many_values(PyObject *, PyObject *number)
{
    PyObject *aw = PyAwaitable_New();
    if (aw == nullptr) {
        return nullptr;
    }
    long count = PyLong_AsLong(number);
    bool passed = count == 0    ? passes<0>(aw)
                  : count == 1  ? passes<1>(aw)
                  : count == 20 ? passes<20>(aw)
                                : passes<300>(aw);
    PyAwaitable_Cancel(aw);
    Py_DECREF(aw);
    return PyErr_Occurred() ? nullptr : PyBool_FromLong(passed);
}
