/* A counted object: whoever drops the last reference frees it.
 *
 * PLANT_EARLY: one owner uses the object behind its drop. PLANT_LATE: it is used when both are over.
 * PLANT_DOUBLE_FREE, PLANT_OVERRUN: as they say. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

struct counted {
    int references;
    volatile int uses[2];
};

static void drop(struct counted *object)
{
    /* ORDER refcount:drop, both ways: this thread's uses for whoever frees, the others' uses for us if we
     * free. */
    if (__atomic_fetch_sub(&object->references, 1, __ATOMIC_ACQ_REL) == 1)
        free(object);
}

static void *owner(void *argument)
{
    struct counted *object = argument;
    object->uses[0] = 1;
    drop(object);
    return NULL;
}

int main(void)
{
    struct counted *object = malloc(sizeof *object);
    object->references = 2;
    pthread_t thread;
    pthread_create(&thread, NULL, owner, object);
    object->uses[1] = 1;
    drop(object);
#ifdef PLANT_EARLY
    object->uses[1] = 2;
#endif
    pthread_join(thread, NULL);
#ifdef PLANT_LATE
    object->uses[1] = 3;
#endif
#ifdef PLANT_DOUBLE_FREE
    free(object);
#endif
#ifdef PLANT_OVERRUN
    object = malloc(sizeof *object);
    object[1].uses[0] = 4;
#endif
    return 0;
}
