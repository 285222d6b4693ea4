#include "qlane/affinity.h"

/* Through //core alone: that it can be found is no permission. */
extern int crosses_a_layer;
int crosses_a_layer = 1;
