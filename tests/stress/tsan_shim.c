/* Linked into the library for ThreadSanitizer alone, which does not see what an interpreter without instrumentation does:
 * tells it the order that mutexes make, and gives it memory that it knows. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

void __real_PyMutex_Lock(void *mutex);
void __real_PyMutex_Unlock(void *mutex);
void __wrap_PyMutex_Lock(void *mutex);
void __wrap_PyMutex_Unlock(void *mutex);
void *__wrap_PyMem_Malloc(size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);
void *__wrap_PyMem_Realloc(void *block, size_t size);
void __wrap_PyMem_Free(void *block);

void
__wrap_PyMutex_Lock(void *mutex)
{
    __real_PyMutex_Lock(mutex);
    __tsan_acquire(mutex);
}

void
__wrap_PyMutex_Unlock(void *mutex)
{
    __tsan_release(mutex);
    __real_PyMutex_Unlock(mutex);
}

void *
__wrap_PyMem_Malloc(size_t size)
{
    return malloc(size ? size : 1);
}

void *
__wrap_PyMem_Realloc(void *block, size_t size)
{
    return realloc(block, size ? size : 1);
}

void
__wrap_PyMem_Free(void *block)
{
    free(block);
}

/* LLVM calls these, and gcc's runtime knows memcpy and the others by their own names. */
void *
__tsan_memcpy(void *to, const void *from, size_t size)
{
    return memcpy(to, from, size);
}

void *
__tsan_memmove(void *to, const void *from, size_t size)
{
    return memmove(to, from, size);
}

void *
__tsan_memset(void *to, int byte, size_t size)
{
    return memset(to, byte, size);
}
