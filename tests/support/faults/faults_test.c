/* The sweep finds each sort of carelessness, and passes code that has none. PLANT says which is compiled in.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/support/faults/faults.h"

enum { NONE, LEAK, CRASH, HANG, WRONG_CODE, DESCRIPTOR, FORBIDDEN, FORBIDDEN_HERE };

static void *nothing(void *unused)
{
    return unused;
}

/* Three resources, taken and given back in order. */
static int use_resources(void)
{
    pthread_t thread;
    char *volatile text = malloc(10); /* volatile: or the compiler needs no memory at all */
    if (PLANT != CRASH && !text)
        return -ENOMEM;
    text[0] = 'x';
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0) {
        if (PLANT != LEAK)
            free(text);
        return -errno;
    }
    int code = -pthread_create(&thread, NULL, nothing, NULL);
    if (!code)
        pthread_join(thread, NULL);
    while (PLANT == HANG && code)
        pause();
    if (PLANT != DESCRIPTOR || !code)
        close(fd);
    free(text);
    return PLANT == WRONG_CODE ? 0 : code;
}

static void say_more(void)
{
    fputs("it hangs on purpose\n", stderr);
}

static int story(void)
{
    faults_on_hang(say_more);
    int code = use_resources();
    faults_forbid("alloc");
    char *volatile extra = PLANT == FORBIDDEN ? malloc(1) : NULL;
    free(extra);
    faults_forbid(NULL);
    faults_forbid_here(true);
    int fd = PLANT == FORBIDDEN_HERE ? eventfd(0, EFD_CLOEXEC) : -1;
    faults_forbid_here(false);
    if (fd >= 0)
        close(fd);
    const char *which = faults_which();
    int expected = !strcmp(which, "malloc")           ? -ENOMEM
                   : !strcmp(which, "eventfd")        ? -EMFILE
                   : !strcmp(which, "pthread_create") ? -EAGAIN
                                                      : 0;
    return code != expected;
}

int main(int argc, char **argv)
{
    return faults_main(argc, argv, story);
}
