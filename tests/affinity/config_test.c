#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/config.h"
#include "tests/support/harness.h"

/* Layers of the configuration, without any machine. */

static qli_request read_all(const ql_affinity_config *config, char *const *environment,
                            const char *const *options)
{
    qli_request request;
    ql_error error = {0};
    if (qli_request_read(config, environment, options, &request, &error) < 0)
        qlt_fail("refused: %s", error.text);
    return request;
}

static qli_request read_text(const char *text)
{
    ql_affinity_config config = {.size = sizeof config, .text = text};
    return read_all(&config, NULL, NULL);
}

static void refuses_all(const ql_affinity_config *config, char *const *environment, const char *sentence)
{
    qli_request request;
    ql_error error = {0};
    int code = qli_request_read(config, environment, NULL, &request, &error);
    qlt_eq_str(error.text, sentence);
    qlt_eq_int(code, -EINVAL);
    qlt_eq_int(error.code, -EINVAL);
}

static void refuses(const char *text, const char *sentence)
{
    ql_affinity_config config = {.size = sizeof config, .text = text};
    refuses_all(&config, NULL, sentence);
}

static void refuses_variable(const char *variable, const char *sentence)
{
    char *environment[] = {(char *)(uintptr_t)variable, NULL};
    refuses_all(NULL, environment, sentence);
}

static void source_is(const qli_value *value, const char *text, const char *source)
{
    char found[128];
    qli_value_source(value, found, sizeof found);
    qlt_eq_str(value->text, text);
    qlt_eq_str(found, source);
}

/* ---- Values ---- */

QLT(config, has_the_documented_defaults)
{
    static const char *const defaults[QLI_KEYS] = {[QLI_CPUS] = "inherit",
                                                   [QLI_LANE] = "auto",
                                                   [QLI_LANES] = "1",
                                                   [QLI_CALLERS] = "free",
                                                   [QLI_WORKERS] = "auto",
                                                   [QLI_SMT] = "reserve",
                                                   [QLI_THREADS_PER_CORE] = "1",
                                                   [QLI_LANE_KIND] = "perf",
                                                   [QLI_WORKER_KIND] = "all",
                                                   [QLI_MEM] = "local",
                                                   [QLI_STEAL] = "near",
                                                   [QLI_QUOTA] = "respect",
                                                   [QLI_BIND] = "warn",
                                                   [QLI_IDLE] = "adaptive",
                                                   [QLI_WORKER_IDLE] = "adaptive",
                                                   [QLI_SHOW] = "0"};
    qli_request request = read_all(NULL, NULL, NULL);
    for (unsigned key = 0; key < QLI_KEYS; key++) {
        source_is(&request.values[key], defaults[key], "default");
        qlt_check(!qli_request_given(&request, (qli_key)key));
    }
    qlt_eq_uint(request.named_count, 0);
    qlt_eq_int(request.idle.spin_max_ns, 200000);
    qli_request_fini(&request);
}

QLT(config, reads_every_key_from_struct_text_and_environment)
{
    static const struct {
        qli_key key;
        const char *variable, *text;
        size_t member;
    } keys[] = {
        {QLI_CPUS, "QLANE_CPUS", "0-3,~2", offsetof(ql_affinity_config, cpus)},
        {QLI_LANE, "QLANE_LANE", "core:1", offsetof(ql_affinity_config, lane)},
        {QLI_LANES, "QLANE_LANES", "3", offsetof(ql_affinity_config, lanes)},
        {QLI_CALLERS, "QLANE_CALLERS", "confine", offsetof(ql_affinity_config, callers)},
        {QLI_WORKERS, "QLANE_WORKERS", "2@0-3", offsetof(ql_affinity_config, workers)},
        {QLI_SMT, "QLANE_SMT", "lend", offsetof(ql_affinity_config, smt)},
        {QLI_THREADS_PER_CORE, "QLANE_THREADS_PER_CORE", "all",
         offsetof(ql_affinity_config, threads_per_core)},
        {QLI_LANE_KIND, "QLANE_LANE_KIND", "eff", offsetof(ql_affinity_config, lane_kind)},
        {QLI_WORKER_KIND, "QLANE_WORKER_KIND", "perf", offsetof(ql_affinity_config, worker_kind)},
        {QLI_MEM, "QLANE_MEM", "node:12", offsetof(ql_affinity_config, mem)},
        {QLI_STEAL, "QLANE_STEAL", "random", offsetof(ql_affinity_config, steal)},
        {QLI_QUOTA, "QLANE_QUOTA", "ignore", offsetof(ql_affinity_config, quota)},
        {QLI_BIND, "QLANE_BIND", "require", offsetof(ql_affinity_config, bind)},
        {QLI_IDLE, "QLANE_IDLE", "adaptive(3ms)", offsetof(ql_affinity_config, idle)},
        {QLI_WORKER_IDLE, "QLANE_WORKER_IDLE", "block", offsetof(ql_affinity_config, worker_idle)},
        {QLI_SHOW, "QLANE_SHOW", "2", offsetof(ql_affinity_config, show)},
    };
    qlt_eq_uint(sizeof keys / sizeof keys[0], QLI_KEYS);
    for (unsigned i = 0; i < QLI_KEYS; i++) {
        char text[64], variable[64];
        snprintf(text, sizeof text, "%s=%s", qli_key_word(keys[i].key), keys[i].text);
        snprintf(variable, sizeof variable, "%s=%s", keys[i].variable, keys[i].text);
        ql_affinity_config by_struct = {.size = sizeof by_struct},
                           by_text = {.size = sizeof by_text, .text = text};
        memcpy((char *)&by_struct + keys[i].member, &keys[i].text, sizeof keys[i].text);
        char *environment[] = {variable, NULL};
        const char *options[] = {text, NULL};
        qli_request a = read_all(&by_struct, NULL, NULL), b = read_all(&by_text, NULL, NULL),
                    c = read_all(NULL, environment, NULL), d = read_all(NULL, NULL, options);
        char option[64];
        snprintf(option, sizeof option, "--%s", qli_key_word(keys[i].key));
        source_is(&a.values[keys[i].key], keys[i].text, "struct");
        source_is(&b.values[keys[i].key], keys[i].text, "config");
        source_is(&c.values[keys[i].key], keys[i].text, keys[i].variable);
        source_is(&d.values[keys[i].key], keys[i].text, option);
        qli_request_fini(&a);
        qli_request_fini(&b);
        qli_request_fini(&c);
        qli_request_fini(&d);
    }
}

QLT(config, reads_what_values_mean)
{
    qli_request r =
        read_text("lane=isolated; lanes=4 "
                  ";callers=confine;workers=3@core:0-7;smt=lend;threads_per_core=2;lane_kind=eff;"
                  "worker_kind=perf;mem=node:7;steal=random;quota=ignore;bind=require;idle=adaptive(1500ns);"
                  "worker_idle=spin;show=1;lane.Fix-Feed=core:2;");
    qlt_eq_int(r.lane, QLI_LANE_ISOLATED);
    qlt_eq_uint(r.lanes, 4);
    qlt_check(r.confine && r.lend && r.steal_random && r.quota_ignore);
    qlt_eq_int(r.workers, QLI_WORKERS_COUNT_IN_SET);
    qlt_eq_uint(r.worker_count, 3);
    qlt_eq_uint(r.workers_set_at, 2);
    qlt_eq_uint(r.threads_per_core, 2);
    qlt_eq_int(r.lane_kind, QLI_KINDS_EFF);
    qlt_eq_int(r.worker_kind, QLI_KINDS_PERF);
    qlt_eq_int(r.mem, QLI_MEM_NODE);
    qlt_eq_uint(r.mem_node_os, 7);
    qlt_eq_int(r.bind, QLI_BIND_REQUIRE);
    qlt_eq_int(r.idle.kind, QL_IDLE_ADAPTIVE);
    qlt_eq_int(r.idle.spin_max_ns, 1500);
    qlt_eq_int(r.worker_idle.kind, QL_IDLE_SPIN);
    qlt_eq_uint(r.show, 1);
    qlt_eq_uint(r.named_count, 1);
    qlt_eq_str(r.named[0].name, "fix_feed");
    qli_request_fini(&r);
    /* One bare number is a count, everything else a SET. */
    static const struct {
        const char *text;
        qli_workers_how how;
    } workers[] = {{"workers=4", QLI_WORKERS_COUNT},   {"workers=1@4", QLI_WORKERS_COUNT_IN_SET},
                   {"workers=4-4", QLI_WORKERS_SET},   {"workers=4,5", QLI_WORKERS_SET},
                   {"workers=0xf0", QLI_WORKERS_SET},  {"workers=auto", QLI_WORKERS_AUTO},
                   {"workers=pcores", QLI_WORKERS_SET}};
    for (unsigned i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        r = read_text(workers[i].text);
        qlt_eq_int(r.workers, workers[i].how);
        qli_request_fini(&r);
    }
}

/* ---- Layers ---- */

QLT(config, lets_later_layers_win_and_keeps_the_source)
{
    ql_affinity_config config = {.size = sizeof config,
                                 .cpus = "0-1",
                                 .workers = "1",
                                 .lane = "0",
                                 .mem = "none",
                                 .smt = "lend",
                                 .text = "workers=2;lane=1;mem=strict;lane.q=2"};
    char *environment[] = {"HOME=/", "QLANE_MEM=local", "QLANE_AFFINITY=lane=2;mem=node:1;lane.q=core:3",
                           "QLANE_LANE_Q=core:4", NULL};
    const char *options[] = {"smt=reserve", NULL};
    qli_request r = read_all(&config, environment, options);
    source_is(&r.values[QLI_CPUS], "0-1", "struct");
    source_is(&r.values[QLI_WORKERS], "2", "config");
    source_is(&r.values[QLI_LANE], "2", "QLANE_AFFINITY");
    source_is(&r.values[QLI_MEM], "local", "QLANE_MEM");
    source_is(&r.values[QLI_SMT], "reserve", "--smt");
    source_is(&r.values[QLI_BIND], "warn", "default");
    qlt_eq_uint(r.named_count, 1);
    source_is(&r.named[0].cores, "core:4", "QLANE_LANE_Q");
    qli_request_fini(&r);
    config.flags = QL_IGNORE_ENV;
    r = read_all(&config, environment, NULL);
    source_is(&r.values[QLI_LANE], "1", "config");
    source_is(&r.values[QLI_MEM], "strict", "config");
    source_is(&r.named[0].cores, "2", "config");
    qli_request_fini(&r);
}

QLT(config, has_presets_that_what_follows_beats)
{
    qli_request r = read_text("laptop");
    qlt_eq_int(r.bind, QLI_BIND_OFF);
    qlt_eq_int(r.idle.kind, QL_IDLE_BLOCK);
    qlt_eq_int(r.worker_idle.kind, QL_IDLE_BLOCK);
    qli_request_fini(&r);
    r = read_text("off");
    qlt_eq_int(r.lane, QLI_LANE_OFF);
    qlt_eq_int(r.bind, QLI_BIND_OFF);
    qli_request_fini(&r);
    r = read_text("laptop;worker_idle=adaptive");
    qlt_eq_int(r.worker_idle.kind, QL_IDLE_ADAPTIVE);
    qlt_eq_int(r.idle.kind, QL_IDLE_BLOCK);
    qli_request_fini(&r);
    /* "dedicated" undoes what lower layers chose. */
    ql_affinity_config config = {
        .size = sizeof config, .lane = "off", .bind = "off", .idle = "block", .text = "dedicated"};
    r = read_all(&config, NULL, NULL);
    qlt_eq_int(r.lane, QLI_LANE_AUTO);
    qlt_eq_int(r.bind, QLI_BIND_WARN);
    qlt_eq_int(r.idle.kind, QL_IDLE_ADAPTIVE);
    qli_request_fini(&r);
    refuses("lane=1;laptop", "config: 'lane=1;laptop': column 8: a preset must stand first: 'laptop'");
}

/* ---- Refusals: key, value, column, reason, fix ---- */

QLT(config, refuses_values_with_key_value_column_and_reason)
{
    refuses("cpus=0-3,x", "cpus=0-3,x: column 5: expected a CPU number, range or location such as core:3");
    refuses("cpus=0-3,", "cpus=0-3,: column 5: expected another term after ','");
    refuses("cpus=0-3 ,4", "cpus=0-3 ,4: column 4: expected ',' or the end of the set");
    refuses("cpus=7-3", "cpus=7-3: column 1: the range 7-3 runs backwards");
    refuses("cpus=0-7:0", "cpus=0-7:0: column 5: a stride of 0 never ends; use 1 or more");
    refuses("cpus=0-7:", "cpus=0-7:: column 5: expected a stride after ':', as in 0-7:2");
    refuses("cpus=99999", "cpus=99999: column 1: the number is too big; numbers end at 8191");
    refuses("cpus=0x", "cpus=0x: column 3: expected hexadecimal digits after 0x");
    refuses("cpus=~", "cpus=~: column 2: expected a CPU number, range or location such as core:3");
    refuses("cpus=inherti", "cpus=inherti: column 1: unknown word 'inherti'; did you mean 'inherit'?");
    refuses("cpus=socket:0", "cpus=socket:0: column 1: unknown kind of place 'socket'; there are package, "
                             "numa, die, l3, l2, core, pu");
    refuses("cpus=core", "cpus=core: column 5: expected ':' and an index, as in core:0");
    refuses("cpus=core:x", "cpus=core:x: column 6: expected an index: N, N-M, N-, all, odd or even");
    refuses(
        "cpus=numa:0.",
        "cpus=numa:0.: column 8: unknown kind of place ''; there are package, numa, die, l3, l2, core, pu");
    refuses("cpus=core:0.core:0.core:0.core:0.core:0.core:0.core:0.core:0.pu:0",
            "cpus=core:0.core:0.core:0.core:0.core:0.core:0.core:0.core:0.pu:0: column 57: a location has at "
            "most 8 parts");
    refuses("lane=1,,2", "lane=1,,2: column 3: expected a CPU number, range or location such as core:3");
    refuses(
        "lanes=0",
        "lanes=0: column 1: expected how many cores to reserve for lanes, from 1 on; for none say lane=off");
    refuses(
        "lanes=1x",
        "lanes=1x: column 1: expected how many cores to reserve for lanes, from 1 on; for none say lane=off");
    refuses("workers=0", "workers=0: column 1: expected auto, a count from 1 to 65536, a SET or N@SET (the "
                         "single CPU 4 is 1@4)");
    refuses("workers=4000000000000", "workers=4000000000000: column 1: expected auto, a count from 1 to "
                                     "65536, a SET or N@SET (the single CPU 4 is 1@4)");
    refuses("workers=abc",
            "workers=abc: column 1: expected auto, a count from 1 to 65536, a SET or N@SET (the "
            "single CPU 4 is 1@4)");
    refuses("workers=-1", "workers=-1: column 1: expected auto, a count from 1 to 65536, a SET or N@SET (the "
                          "single CPU 4 is 1@4)");
    refuses("workers=core", "workers=core: column 5: expected ':' and an index, as in core:0");
    refuses("workers=2@0-3,q",
            "workers=2@0-3,q: column 7: expected a CPU number, range or location such as core:3");
    refuses("workers=0@1", "workers=0@1: column 1: expected a count from 1 to 65536 before '@'");
    refuses("smt=yes", "smt=yes: column 1: expected reserve or lend");
    refuses("threads_per_core=-1",
            "threads_per_core=-1: column 1: expected a count from 1 to 1024, or all (one worker per CPU)");
    refuses("lane_kind=big", "lane_kind=big: column 1: expected perf, eff or all");
    refuses("mem=node:", "mem=node:: column 6: expected a NUMA node number after 'node:'");
    refuses("mem=node:1x", "mem=node:1x: column 6: expected a NUMA node number after 'node:'");
    refuses("mem=far", "mem=far: column 1: expected local, strict, none or node:N");
    refuses("steal=far", "steal=far: column 1: expected near or random");
    refuses("quota=1.5", "quota=1.5: column 1: expected respect or ignore");
    refuses("bind=on", "bind=on: column 1: expected warn, require or off");
    refuses("callers=kill", "callers=kill: column 1: expected free or confine");
    refuses("show=3", "show=3: column 1: expected 0, 1 or 2");
    refuses(
        "idle=adaptive()",
        "idle=adaptive(): column 10: expected a time of at most 1s with its unit (ns, us, ms, s) and ')', "
        "as in adaptive(200us)");
    refuses("idle=adaptive(2s)",
            "idle=adaptive(2s): column 10: expected a time of at most 1s with its unit (ns, us, ms, s) and "
            "')', as in adaptive(200us)");
    refuses("idle=adaptive(2us)x", "idle=adaptive(2us)x: column 14: expected the end after ')'");
    refuses("idle=yield", "idle=yield: column 1: expected adaptive, adaptive(200us), spin or block");
    refuses("bind=", "bind=: is empty; give a value, or leave it out for the default");
    refuses("lane.q=off", "lane.q=off: column 1: expected auto, isolated or a SET meaning one core");
    refuses("lane.=0", "lane.=: a lane's name has 1 to 63 characters");
    refuses("lane.kind=0", "lane.kind=: no lane may be named so; QLANE_LANE_KIND is a key");
}

#define ALL_KEYS                                                                                             \
    "the keys are cpus, lane, lanes, callers, workers, smt, threads_per_core, lane_kind, worker_kind, mem, " \
    "steal, quota, bind, idle, worker_idle, show, lane.NAME"

QLT(config, refuses_texts_and_variables_by_name_with_the_nearest_known_one)
{
    refuses("lanw=1", "config: 'lanw=1': column 1: unknown key 'lanw'; did you mean 'lane'?");
    refuses("bind=off;wrokers=1",
            "config: 'bind=off;wrokers=1': column 10: unknown key 'wrokers'; did you mean 'workers'?");
    refuses("completely=different",
            "config: 'completely=different': column 1: unknown key 'completely'; " ALL_KEYS);
    refuses("lane",
            "config: 'lane': column 1: expected key=value in place of 'lane'; did you mean 'lane=...'?");
    refuses("dedicatd",
            "config: 'dedicatd': column 1: expected key=value in place of 'dedicatd'; did you mean "
            "'dedicated'?");
    refuses("lane=1;lane=2", "config: 'lane=1;lane=2': column 8: given twice: key 'lane'");
    refuses_variable(
        "QLANE_CPUS=0-3,x",
        "QLANE_CPUS: '0-3,x': column 5: expected a CPU number, range or location such as core:3");
    refuses_variable(
        "QLANE_AFFINITY=cpus=0-3;lanw=1",
        "QLANE_AFFINITY: 'cpus=0-3;lanw=1': column 10: unknown key 'lanw'; did you mean 'lane'?");
    refuses_variable("QLANE_AFFINITY=cpus=7-3",
                     "QLANE_AFFINITY: cpus=7-3: column 1: the range 7-3 runs backwards");
}

QLT(config, refuses_unknown_variables)
{
    refuses_variable("QLANE_WORKER=3", "QLANE_WORKER: no such variable; did you mean QLANE_WORKERS?");
    refuses_variable("QLANE_AFINITY=off", "QLANE_AFINITY: no such variable; did you mean QLANE_AFFINITY?");
    refuses_variable("QLANE_SEDE=1", "QLANE_SEDE: no such variable; did you mean QLANE_SEED?");
    refuses_variable("QLANE_SOMETHING_ELSE=1", "QLANE_SOMETHING_ELSE: no such variable; " ALL_KEYS);
    refuses_variable("QLANE_TEXT=1", "QLANE_TEXT: no such variable; " ALL_KEYS);
    refuses_variable("QLANE_NAMED=1", "QLANE_NAMED: no such variable; " ALL_KEYS);
    refuses_variable("QLANE_LANE_Q=7-5", "QLANE_LANE_Q: '7-5': column 1: the range 7-5 runs backwards");
    refuses_variable("QLANE_BIND=",
                     "QLANE_BIND: '': is empty; give a value, or leave it out for the default");
}

QLT(config, leaves_other_peoples_variables_alone)
{
    char *environment[] = {"QLANE_SEED=7",
                           "QLANE_ENGINE=q",
                           "QLANE_LIBQ=/opt/q",
                           "QLANE=1",
                           "OMP_PLACES=nonsense",
                           "PATH",
                           NULL};
    qli_request r = read_all(NULL, environment, NULL);
    for (unsigned key = 0; key < QLI_KEYS; key++)
        qlt_check(!qli_request_given(&r, (qli_key)key));
    qli_request_fini(&r);
}

QLT(config, refuses_a_wrong_value_also_where_a_later_layer_would_beat_it)
{
    ql_affinity_config config = {.size = sizeof config, .bind = "maybe"};
    char *environment[] = {"QLANE_BIND=warn", NULL};
    refuses_all(&config, environment, "bind=maybe: column 1: expected warn, require or off");
}

QLT(config, reads_structs_of_other_versions)
{
    qli_request request;
    ql_error error;
    struct {
        ql_affinity_config known;
        const char *unknown;
    } later = {.known = {.size = sizeof later, .workers = "3"}};
    request = read_all(&later.known, NULL, NULL);
    source_is(&request.values[QLI_WORKERS], "3", "struct");
    qli_request_fini(&request);
    later.unknown = "something";
    qlt_eq_int(qli_request_read(&later.known, NULL, NULL, &request, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_affinity_config uses fields that this qlane does not know");
    ql_affinity_config earlier = {
        .size = offsetof(ql_affinity_config, lanes), .cpus = "0", .lanes = "nonsense"};
    request = read_all(&earlier, NULL, NULL);
    source_is(&request.values[QLI_LANES], "1", "default");
    qli_request_fini(&request);
    ql_affinity_config wrong = {.size = 0};
    qlt_eq_int(qli_request_read(&wrong, NULL, NULL, &request, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_affinity_config.size is 0; set it to sizeof(ql_affinity_config)");
    wrong = (ql_affinity_config){.size = sizeof wrong, .flags = 6};
    qlt_eq_int(qli_request_read(&wrong, NULL, NULL, &request, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_affinity_config.flags has unknown bits 0x6");
    ql_lane_place nameless = {.cores = "1"};
    wrong = (ql_affinity_config){.size = sizeof wrong, .named = &nameless, .named_count = 1};
    qlt_eq_int(qli_request_read(&wrong, NULL, NULL, &request, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_affinity_config.named[0] has no name or no cores");
    wrong.named = NULL;
    qlt_eq_int(qli_request_read(&wrong, NULL, NULL, &request, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_affinity_config.named is NULL, named_count is 1");
}

QLT(config, says_no_more_than_fits_and_nothing_that_disturbs_a_terminal)
{
    char text[4096] = "cpus=\x1b[31m";
    memset(text + strlen(text), 'x', 3000);
    qli_request request;
    ql_error error;
    ql_affinity_config config = {.size = sizeof config, .text = text};
    qlt_eq_int(qli_request_read(&config, NULL, NULL, &request, &error), -EINVAL);
    qlt_has_str(error.text, "cpus=?[31mxxx");
    qlt_has_str(error.text, "...: column 1: expected a CPU number");
    for (const char *at = error.text; *at; at++)
        qlt_check((unsigned char)*at >= ' ');
}
