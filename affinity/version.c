#include "qlane/version.h"

const char *ql_version(void)
{
    return QL_VERSION;
}
