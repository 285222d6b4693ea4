#include "tests/support/libq_standin/api.h"
int si_connection_in_hand;
K si_send(int handle, K message)
{
    (void)handle;
    (void)message;
    si_raise("nyi");
}
K sd1(int d, K (*f)(int))
{
    (void)f;
    return ki(d);
}
void sd0(int d)
{
    (void)d;
}
void sd0x(int d, int c)
{
    (void)d;
    (void)c;
}
const struct si_primitive si_connections[] = {{0}};
