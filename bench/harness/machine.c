#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness/harness.h"

enum { TURNS = 4000 };

static double now_s(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

/* ---- the line between two cores */

typedef struct ping_pong {
    _Alignas(128) unsigned turn;
    _Alignas(128) size_t pus[2];
} ping_pong;

static void pin(size_t pu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(pu, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* Wait for this turn and move it on. It gives way now and then: on what is not two cores after all it must end too. */
static void play(ping_pong *game, unsigned turn)
{
    for (unsigned tries = 1; __atomic_load_n(&game->turn, __ATOMIC_ACQUIRE) != turn; tries++)
        if (tries % (1 << 14) == 0)
            sched_yield();
    __atomic_store_n(&game->turn, turn + 1, __ATOMIC_RELEASE);
}

static void *other_side(void *arg)
{
    ping_pong *game = arg;
    pin(game->pus[1]);
    for (unsigned turn = 1; turn < TURNS; turn += 2)
        play(game, turn);
    return NULL;
}

double bench_line_ns(void)
{
    cpu_set_t allowed;
    ping_pong game = {.turn = 0};
    int found = 0;
    if (sched_getaffinity(0, sizeof(allowed), &allowed))
        return 0;
    for (size_t pu = 0; pu < CPU_SETSIZE && found < 2; pu++)
        if (CPU_ISSET(pu, &allowed))
            game.pus[found++] = pu;
    pthread_t other;
    if (found < 2 || pthread_create(&other, NULL, other_side, &game))
        return 0;
    pin(game.pus[0]);
    play(&game, 0);
    play(&game, 2); /* the other thread is there */
    double start_s = now_s();
    for (unsigned turn = 4; turn < TURNS; turn += 2)
        play(&game, turn);
    double took_s = now_s() - start_s;
    pthread_join(other, NULL);
    sched_setaffinity(0, sizeof(allowed), &allowed);
    return took_s * 1e9 / (TURNS / 2 - 2);
}

bench_line bench_line_of(double line_ns)
{
    if (line_ns <= 0)
        return BENCH_ONE_CORE;
    return line_ns < 70 ? BENCH_SIBLINGS : line_ns < 250 ? BENCH_NEAR : BENCH_FAR;
}

const char *bench_line_name(bench_line line)
{
    static const char *const names[BENCH_LINES] = {"one core", "siblings", "near", "far"};
    return names[line];
}

/* ---- what others do */

static double seconds(struct timeval at)
{
    return (double)at.tv_sec + 1e-6 * (double)at.tv_usec;
}

bench_load bench_load_now(void)
{
    bench_load load = {.wall_s = now_s()};
    unsigned long long user = 0, nice = 0, system = 0, idle, iowait, irq = 0, softirq = 0;
    FILE *stat = fopen("/proc/stat", "r");
    if (stat) {
        if (fscanf(stat, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait,
                   &irq, &softirq) == 7)
            load.all_s = (double)(user + nice + system + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
        fclose(stat);
    }
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    load.ours_s = seconds(own.ru_utime) + seconds(own.ru_stime) + seconds(children.ru_utime) +
                  seconds(children.ru_stime);
    return load;
}

double bench_others_since(const bench_load *before)
{
    bench_load now = bench_load_now();
    double others_s = now.all_s - before->all_s - (now.ours_s - before->ours_s);
    double machine_s = (now.wall_s - before->wall_s) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    return machine_s > 0 && others_s > 0 ? others_s / machine_s : 0;
}
