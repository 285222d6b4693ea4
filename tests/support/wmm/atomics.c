/* atomics.c: the atomic operations in terms of memory.c. Each is a scheduling point. */
#include "wmm.h"

static wmm_value cut(wmm_value value, int size)
{
    return size == 16 ? value : value & (((wmm_value)1 << (8 * size)) - 1);
}

wmm_value wmm_apply(enum wmm_rmw operation, wmm_value old, wmm_value operand, int size)
{
    switch (operation) {
    case WMM_EXCHANGE:
        return cut(operand, size);
    case WMM_ADD:
        return cut(old + operand, size);
    case WMM_SUB:
        return cut(old - operand, size);
    case WMM_AND:
        return cut(old & operand, size);
    case WMM_OR:
        return cut(old | operand, size);
    case WMM_XOR:
        return cut(old ^ operand, size);
    default:
        return cut(~(old & operand), size);
    }
}

wmm_value wmm_load(uintptr_t address, int size, int order)
{
    wmm_point();
    wmm_touch(address, (size_t)size, WMM_ATOMIC_READ);
    uint32_t location = wmm_location(address, size);
    int age = wmm_pick_age(wmm_oldest_readable(location, order));
    wmm_store *store = wmm_nth(location, age);
    wmm_value value = store->value;
    wmm_read_store(location, store, order);
    wmm_note("load", address, (uint64_t)value, order, age);
    return value;
}

void wmm_store_op(uintptr_t address, int size, wmm_value value, int order)
{
    wmm_point();
    wmm_touch(address, (size_t)size, WMM_ATOMIC_WRITE);
    int age = wmm_write_store(wmm_location(address, size), value, order, NULL);
    wmm_note("store", address, (uint64_t)value, order, age);
}

wmm_value wmm_rmw_op(uintptr_t address, int size, wmm_value operand, enum wmm_rmw operation, int order)
{
    static const char *const names[] = {"exchange", "add", "sub", "and", "or", "xor", "nand"};
    wmm_point();
    wmm_touch(address, (size_t)size, WMM_ATOMIC_WRITE);
    uint32_t location = wmm_location(address, size);
    wmm_store newest = *wmm_nth(location, 0);
    wmm_value result = wmm_apply(operation, newest.value, operand, size);
    wmm_read_store(location, &newest, order);
    wmm_write_store(location, result, order, &newest);
    wmm_note(names[operation], address, (uint64_t)result, order, 0);
    return newest.value;
}

static bool cas_failed(uint32_t location, uintptr_t address, wmm_value *expected, int age, int order,
                       const char *how)
{
    const wmm_store *store = wmm_nth(location, age);
    wmm_read_store(location, store, order);
    *expected = store->value;
    wmm_note(how, address, (uint64_t)store->value, order, age);
    return false;
}

bool wmm_cas(uintptr_t address, int size, wmm_value *expected, wmm_value desired, int order, int fail_order,
             bool weak)
{
    wmm_point();
    wmm_touch(address, (size_t)size, WMM_ATOMIC_READ);
    uint32_t location = wmm_location(address, size);
    wmm_store newest = *wmm_nth(location, 0);
    bool equal = newest.value == *expected;
    if (equal && weak && wmm_options.spurious && wmm_below(12) == 0)
        return cas_failed(location, address, expected, 0, fail_order, "cas-spur");
    /* A failing one is a load: an old value that differs may be seen, whatever the newest is. */
    int age = wmm_pick_age(wmm_oldest_readable(location, fail_order));
    if (wmm_nth(location, age)->value == *expected)
        age = 0;
    if (!equal || age)
        return cas_failed(location, address, expected, age, fail_order, "cas-fail");
    wmm_touch(address, (size_t)size, WMM_ATOMIC_WRITE);
    wmm_read_store(location, &newest, order);
    wmm_write_store(location, desired, order, &newest);
    wmm_note("cas-ok", address, (uint64_t)desired, order, 0);
    return true;
}
