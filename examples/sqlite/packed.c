/* Values that are packed one after the other into plain memory, so that they go from thread to thread. */
#include "worker.h"

#include <stdlib.h>
#include <string.h>

static int
make_room(Packed *packed, size_t more)
{
    if (packed->room - packed->size >= more) {
        return 0;
    }
    size_t room = packed->room * 2 + 256;
    if (room - packed->size < more) {
        room = packed->size + more;
    }
    char *bytes = realloc(packed->bytes, room);
    if (bytes == NULL) {
        return -1;
    }
    packed->bytes = bytes;
    packed->room = room;
    return 0;
}

static void
put(Packed *packed, const void *bytes, size_t size)
{
    memcpy(packed->bytes + packed->size, bytes, size);
    packed->size += size;
}

int
pack(Packed *packed, const Value *value)
{
    char kind = (char)value->kind;
    size_t size = value->kind >= IS_TEXT ? value->size : 0;
    if (make_room(packed, 1 + 8 + size) < 0) {
        return -1;
    }
    put(packed, &kind, 1);
    switch (value->kind) {
    case IS_NULL:
        break;
    case IS_INTEGER:
        put(packed, &value->integer, 8);
        break;
    case IS_REAL:
        put(packed, &value->real, 8);
        break;
    default:
        put(packed, &value->size, sizeof(size_t));
        if (size > 0) {
            put(packed, value->bytes, size);
        }
    }
    return 0;
}

static void
get(const Packed *packed, size_t *at, void *bytes, size_t size)
{
    memcpy(bytes, packed->bytes + *at, size);
    *at += size;
}

Value
unpack(const Packed *packed, size_t *at)
{
    Value value = {.kind = packed->bytes[(*at)++]};
    switch (value.kind) {
    case IS_NULL:
        break;
    case IS_INTEGER:
        get(packed, at, &value.integer, 8);
        break;
    case IS_REAL:
        get(packed, at, &value.real, 8);
        break;
    default:
        get(packed, at, &value.size, sizeof(size_t));
        value.bytes = packed->bytes + *at;
        *at += value.size;
    }
    return value;
}
