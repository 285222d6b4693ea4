#ifndef TESTS_AFFINITY_REAL_H
#define TESTS_AFFINITY_REAL_H

/* Tests on this machine: in child processes with other masks, filters and control groups than ours. */

#include <stdbool.h>

/* Runs `body` in a child process, which must exit normally: a failed check aborts it, and then this test fails. */
void in_child(void (*body)(void));

/* Narrows the process's mask, that of all its threads, to one list, "0-3". False, with the reason printed, where that cannot be. */
bool with_mask(const char *list);

/* From now on sched_setaffinity fails with `error` in this process. False, with the reason printed, without seccomp. */
bool with_refused_affinity(int error);

/* A new v1 control group of one controller, "cpuset" or "cpu", with this process in it, removed by group_leave(). False,
 * with the reason printed, where one cannot be made. A cpuset starts as wide as its parent. */
bool group_enter(const char *controller);
/* Writes a file of the group, and is obeyed or fails the test. */
void group_write(const char *file, const char *text);
void group_leave(void);

/* The CPUs this process may use; a test that needs `count` of them skips itself with a line when there are fewer. */
bool has_cpus(int count);

#endif
