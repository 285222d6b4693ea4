/* litmus.h: the classical shapes of weak memory. What the orders written there promise never fails, and each
 * promise breaks when the one tagged order is taken away: the checker neither invents behaviours nor hides
 * the usual ones. */
#ifndef SAMPLES_LITMUS_H
#define SAMPLES_LITMUS_H

#include <pthread.h>
#include <stddef.h>

typedef void *(*part)(void *);

/* Runs the parts of one shape, each in a thread of its own, to their end. */
static inline void together(int count, const part parts[])
{
    pthread_t threads[4];
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, parts[i], NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

#endif
