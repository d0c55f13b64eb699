/* What pyawaitable.h needs before its declarations: how the functions are reached, and what compilers call things. */
#ifndef PYAWAITABLE_CONFIG_H
#define PYAWAITABLE_CONFIG_H

#if PY_VERSION_HEX < 0x03090000
#error "PyAwaitable needs Python 3.9 or later"
#endif

/* Functions that are C in every mode. */
#if defined(__GNUC__) || defined(__clang__)
#define PYAWAITABLE_INLINE static inline __attribute__((unused))
/* Those that hardly ever run, and so must not grow or keep others from being inlined. */
#define PYAWAITABLE_COLD static __attribute__((unused, noinline, cold))
#else
#define PYAWAITABLE_INLINE static inline
#define PYAWAITABLE_COLD static inline
#endif

/* By default the functions are found at run time, through a table in the module `_pyawaitable`: an extension links
   nothing. With PYAWAITABLE_LINK it links libpyawaitable. */
#if !defined(PYAWAITABLE_LINK)
#define PYAWAITABLE_API PYAWAITABLE_INLINE
#elif defined(_WIN32) && !defined(PYAWAITABLE_STATIC)
#define PYAWAITABLE_API __declspec(dllimport)
#else
#define PYAWAITABLE_API extern
#endif

/* The storage class of a variable of which each thread has its own. */
#if defined(__cplusplus)
#define PyAwaitable_thread_local thread_local
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#define PyAwaitable_thread_local thread_local
#elif defined(_MSC_VER)
#define PyAwaitable_thread_local __declspec(thread)
#elif defined(__GNUC__) || defined(__clang__)
#define PyAwaitable_thread_local __thread
#else
#define PyAwaitable_thread_local _Thread_local
#endif

#endif /* PYAWAITABLE_CONFIG_H */
