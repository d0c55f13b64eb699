/* What the declarations need: the target version, how the functions are reached, and compiler-specific keywords.
   Written by hand. */
#ifndef PYAWAITABLE_CONFIG_H
#define PYAWAITABLE_CONFIG_H

#if PY_VERSION_HEX < 0x03090000
#error "PyAwaitable needs Python 3.9 or later"
#endif

/* Without PYAWAITABLE_TARGET_VERSION everything is declared, and the runtime may be any 3.x. With it, for example 0x03010000
   for 3.1, newer functions are not declared, and the runtime has to be at least that version. */
#ifndef PYAWAITABLE_TARGET_VERSION
#define PYAWAITABLE__DECLARED_MINOR PyAwaitable_MINOR_VERSION
#define PYAWAITABLE__DEMANDED_MINOR 0
#elif (PYAWAITABLE_TARGET_VERSION) >> 24 != PyAwaitable_MAJOR_VERSION
#error "PYAWAITABLE_TARGET_VERSION is of another major version than this header; write 0x03010000 for 3.1"
#elif ((PYAWAITABLE_TARGET_VERSION) >> 16 & 0xFF) > PyAwaitable_MINOR_VERSION
#error "PYAWAITABLE_TARGET_VERSION is newer than this header"
#else
#define PYAWAITABLE__DECLARED_MINOR ((PYAWAITABLE_TARGET_VERSION) >> 16 & 0xFF)
#define PYAWAITABLE__DEMANDED_MINOR PYAWAITABLE__DECLARED_MINOR
#endif

/* Functions that are C in every mode. */
#if defined(__GNUC__) || defined(__clang__)
#define PYAWAITABLE_INLINE static inline __attribute__((unused))
/* For arguments that are an array of known length, so that it need not be created. */
#define PYAWAITABLE__ALWAYS_INLINE static inline __attribute__((unused, always_inline))
/* For functions that hardly ever run, and so must not be inlined or keep others from being inlined. */
#define PYAWAITABLE_COLD static __attribute__((unused, noinline, cold))
#else
#define PYAWAITABLE_INLINE static inline
#define PYAWAITABLE__ALWAYS_INLINE static inline
#define PYAWAITABLE_COLD static inline
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PYAWAITABLE__UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define PYAWAITABLE__UNLIKELY(condition) (condition)
#endif

/* Hides from the compiler where a pointer came from, so that it neither knows nor warns that a variable which a callback unpacks
   into may not have been written. */
#if defined(__GNUC__) || defined(__clang__)
#define PYAWAITABLE__HIDE(pointer) __asm__("" : "+r"(pointer))
#else
#define PYAWAITABLE__HIDE(pointer) ((void)0)
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

/* The storage class of a thread-local variable. */
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

/* Short names, for who asks for them. */
#ifdef PYAWAITABLE_KEYWORDS
#define METH_ASYNC PyAwaitable_METH_ASYNC
#define METH_ASYNC_GENERATOR PyAwaitable_METH_ASYNC_GENERATOR
#endif

/* Names that follow from the version. */
#define PyAwaitable_PATCH_VERSION PyAwaitable_MICRO_VERSION
#define PyAwaitable_MAGIC_NUMBER                                                                                       \
    (PyAwaitable_MAJOR_VERSION * 1000 + PyAwaitable_MINOR_VERSION * 100 + PyAwaitable_MICRO_VERSION * 10)

/* The object is opaque. */
typedef struct PyAwaitableObject PyAwaitableObject;

#endif /* PYAWAITABLE_CONFIG_H */
