#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/affinity/machine.h"
#include "tests/affinity/real.h"
#include "tests/support/harness.h"

/* The command, as a user runs it. */

static char out[1 << 20], err[65536];

static void slurp(FILE *file, char *text, size_t text_size)
{
    rewind(file);
    size_t length = fread(text, 1, text_size - 1, file);
    text[length] = '\0';
    fclose(file);
}

/* Runs topo with a shell's arguments; `before` may hold assignments. Returns its exit status; out and err have what it said. */
__attribute__((format(printf, 2, 3))) static int topo(const char *before, const char *format, ...)
{
    char arguments[2048], command[4096];
    FILE *said = tmpfile(), *complained = tmpfile();
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof arguments, format, args);
    va_end(args);
    qlt_check(getenv("TOPO") && said && complained);
    snprintf(command, sizeof command, "%s exec %s %s", before, getenv("TOPO"), arguments);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(said), 1);
        dup2(fileno(complained), 2);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status;
    qlt_eq_int(waitpid(child, &status, 0), child);
    slurp(said, out, sizeof out);
    slurp(complained, err, sizeof err);
    if (!WIFEXITED(status))
        qlt_fail("topo %s ended with signal %d: %s", arguments, WTERMSIG(status), err);
    return WEXITSTATUS(status);
}

static void refuses(const char *before, const char *arguments, const char *sentence)
{
    qlt_eq_int(topo(before, "%s", arguments), 2);
    qlt_has_str(err, sentence);
    qlt_eq_int(strncmp(err, "qlane: ", 7), 0);
    qlt_eq_str(out, "");
}

static char path[64];

static const char *write_temporary(const char *text, size_t length)
{
    snprintf(path, sizeof path, "/tmp/qlane-topo-%d.xml", getpid());
    FILE *file = fopen(path, "w");
    qlt_check(file && fwrite(text, 1, length, file) == length && fclose(file) == 0);
    return path;
}

QLT(topo, prints_json_and_nothing_else)
{
    qlt_eq_int(topo("", "--json -i 'package:1 core:4 pu:2'"), 0);
    qlt_eq_str(err, "");
    qlt_eq_int(strncmp(out,
                       "{\"mode\": \"dedicated\",\n \"lane\": {\"pus\": \"6-7\", \"pin\": 6, \"mem\": [0]},",
                       62),
               0);
    qlt_has_str(out, "\"bound\": false, \"simulated\": true}\n");
    qlt_eq_int(topo("", "--json --mask 2-3,5 -i 'package:1 core:4 pu:2'"), 0);
    qlt_has_str(out, "\"lane\": {\"pus\": \"2-3\", \"pin\": 2"); /* core 1 is the first, but whole */
}

QLT(topo, tells_the_source_of_each_value)
{
    qlt_eq_int(topo("QLANE_WORKERS=2 QLANE_AFFINITY='mem=none;smt=lend'",
                    "--json --config 'workers=1;mem=strict;bind=off' --steal=random --lane.q core:0 -i "
                    "'core:4 pu:1'"),
               0);
    qlt_has_str(out, "\"workers\": \"QLANE_WORKERS\"");
    qlt_has_str(out, "\"mem\": \"QLANE_AFFINITY\"");
    qlt_has_str(out, "\"bind\": \"config\"");
    qlt_has_str(out, "\"steal\": \"--steal\"");
    qlt_has_str(out, "\"lane.q\": \"--lane.q\"");
    qlt_has_str(out, "\"idle\": \"default\"");
}

QLT(topo, takes_every_key_as_an_option)
{
    static const char *const pairs[] = {
        "cpus=0-3",      "lane=core:1",      "lanes=1",  "callers=confine",   "workers=1",    "smt=lend",
        "lane-kind=all", "worker_kind=all",  "mem=none", "steal=random",      "quota=ignore", "bind=require",
        "idle=block",    "worker-idle=spin", "show=2",   "threads-per-core=1"};
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        qlt_eq_int(topo("", "--json -i 'core:4 pu:1' --%s", pairs[i]), 0);
    qlt_eq_int(topo("", "--help"), 0);
    qlt_has_str(out, "threads_per_core");
}

QLT(topo, knows_masks_and_quotas_of_machines_that_are_not_here)
{
    qlt_eq_int(topo("", "--json --quota 1.5 -i 'core:4 pu:1'"), 0);
    qlt_has_str(out, "\"mode\": \"shared\"");
    qlt_eq_int(topo("", "--json --quota 3 -i 'core:8 pu:1'"), 0);
    qlt_has_str(out, "\"workers\": [{\"pus\": \"0\", \"pin\": 0}, {\"pus\": \"1\", \"pin\": 1}]");
    qlt_eq_int(topo("", "--json --quota=1 --quota=ignore -i 'core:4 pu:1'"), 0);
    qlt_has_str(out, "\"mode\": \"dedicated\"");
}

QLT(topo, refuses_wrong_options_and_values_with_exit_2)
{
    refuses("", "--jason", "topo: unknown option '--jason'; did you mean '--json'?");
    refuses("", "file.xml", "topo: unknown option 'file.xml'");
    refuses("", "--config", "topo: --config needs a value");
    refuses("", "--mask 0-x", "--mask '0-x': expected a list of CPU numbers such as 0-3,8");
    refuses("", "--mask ''", "--mask '': expected a list");
    refuses("", "--quota 0", "--quota '0': expected a number of CPUs such as 1.5, or none");
    refuses("", "--quota nan", "--quota 'nan': expected a number of CPUs");
    refuses("", "--lane=core:99", "lane=core:99: no such core (usable: core:0");
    refuses("QLANE_LANE=core:99", "", "QLANE_LANE: 'core:99': no such core (usable: core:0");
    refuses("QLANE_CPUS=0-3,x", "",
            "QLANE_CPUS: '0-3,x': column 5: expected a CPU number, range or location such as core:3");
    refuses("QLANE_WORKER=1", "", "QLANE_WORKER: no such variable; did you mean QLANE_WORKERS?");
    refuses("", "--bind=on", "bind=on: column 1: expected warn, require or off");
    refuses("", "--config 'bind=on'", "bind=on: column 1: expected warn, require or off");
    refuses("", "--check x", "--check 'x': expected a process number");
    refuses("", "--check 2147483647", "--check 2147483647: no such process");
    refuses("", "--check 1 -i 'core:2 pu:1'", "--check looks at this system; leave out -i");
    refuses("", "--svg /nonexistent/x.svg",
            "/nonexistent/x.svg: cannot be written: No such file or directory");
    refuses("", "--xml /nonexistent/x.xml", "/nonexistent/x.xml: cannot be written");
}

/* ---- Machines that cannot be read ---- */

QLT(topo, refuses_what_is_no_machine)
{
    refuses("", "-i /nonexistent.xml", "-i '/nonexistent.xml': no such file, and not a synthetic string");
    refuses("", "-i 'nonsense:x'", "'nonsense:x' is not a synthetic topology");
    refuses("", "-i 'core:4'", "'core:4' is not a synthetic topology");
    refuses("", "-i 'pu:0'", "'pu:0' is not a synthetic topology");
    refuses("", "-i ''", "-i '': no such file");
    refuses("", "-i /", "is not a topology");
    refuses("HWLOC_XMLFILE=/etc/passwd", "",
            "HWLOC_XMLFILE: hwloc cannot read '/etc/passwd'; lstopo --of xml");
    static const char no_sets[] =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n<topology version=\"2.0\">\n"
        "<object type=\"Machine\" os_index=\"0\" gp_index=\"1\"/>\n</topology>\n";
    static const char *const texts[] = {
        "",
        "\n",
        "not xml",
        "<topology",
        "<topology version=\"2.0\">",
        "<topology version=\"2.0\"></topology>",
        "<html></html>",
        no_sets,
    };
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, "-i %s", write_temporary(texts[i], strlen(texts[i])));
        refuses("", arguments, path);
    }
    unlink(path);
}

QLT(topo, refuses_xml_of_another_version)
{
    machine *of = machine_make((m_shape){.packages = 1, .cores = 2, .threads = 1});
    char *xml = machine_xml(of), arguments[128];
    char *version = strstr(xml, "version=\"2.0\"");
    qlt_check(version);
    version[9] = '3';
    snprintf(arguments, sizeof arguments, "-i %s", write_temporary(xml, strlen(xml)));
    refuses("", arguments, "is not a topology that hwloc 2 can read");
    unlink(path);
    free(xml);
    free(of);
}

/* Cut or contradictory files: an answer or a refusal, never a crash. */
QLT(topo, survives_files_that_are_cut_or_contradict_themselves)
{
    machine *of = machine_make((m_shape){.packages = 2, .nodes = 2, .l3s = 2, .cores = 2, .threads = 2});
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            of->distances[i][j] = i == j ? 10 : 20;
    char *xml = machine_xml(of);
    size_t length = strlen(xml);
    uint64_t stream = qlt_seed();
    for (int round = 0; round < 60; round++) {
        char *wrong = strdup(xml);
        qlt_check(wrong);
        size_t cut = length;
        if (round % 2)
            cut = qlt_random(&stream) % length;
        for (int i = 0; i < 3 && round % 2 == 0; i++) {
            /* another digit somewhere: a set, an index, a size that fits nothing else */
            size_t at = 300 + qlt_random(&stream) % (length - 300);
            at += strcspn(wrong + at, "0123456789abcdef");
            if (at < length)
                wrong[at] = "0123456789abcdef"[qlt_random(&stream) % 16];
        }
        write_temporary(wrong, cut);
        int status = topo("HWLOC_HIDE_ERRORS=2", "--json -i %s", path);
        qlt_check(status == 0 || status == 2);
        qlt_check(status == 0 || strncmp(err, "qlane: ", 7) == 0);
        free(wrong);
    }
    unlink(path);
    free(xml);
    free(of);
}

/* ---- Files it writes ---- */

QLT(topo, writes_pictures_where_it_was_typed)
{
    char folder[] = "/tmp/qlane-topo-XXXXXX", file[128], before[128];
    struct stat status;
    qlt_check(mkdtemp(folder));
    snprintf(before, sizeof before, "BUILD_WORKING_DIRECTORY=%s", folder);
    qlt_eq_int(topo(before, "--svg plan.svg --xml plan.xml -i 'package:2 core:4 pu:2'"), 0);
    qlt_eq_str(out, "");
    snprintf(file, sizeof file, "%s/plan.svg", folder);
    qlt_eq_int(stat(file, &status), 0);
    qlt_check(status.st_size > 1000);
    unlink(file);
    /* hwloc reads its own file again, and plans the same. */
    snprintf(file, sizeof file, "%s/plan.xml", folder);
    qlt_eq_int(topo(before, "--json -i plan.xml"), 0);
    qlt_has_str(out, "\"lane\": {\"pus\": \"14-15\", \"pin\": 14");
    char text[65536];
    slurp(fopen(file, "r"), text, sizeof text);
    qlt_has_str(text, "lstopoStyle");
    qlt_has_str(text, "name=\"lane\"");
    qlt_has_str(text, "name=\"w6\"");
    unlink(file);
    rmdir(folder);
}

/* ---- This machine ---- */

static void told_by_xml(void)
{
    machine *of = machine_make((m_shape){.packages = 2, .l3s = 8, .l2s = 8, .cores = 1, .threads = 2});
    char *xml = machine_xml(of), before[256];
    write_temporary(xml, strlen(xml));
    snprintf(before, sizeof before,
             "HWLOC_XMLFILE=%s HWLOC_THISSYSTEM=1 HWLOC_THISSYSTEM_ALLOWED_RESOURCES=1", path);
    qlt_eq_int(topo(before, "--json --lane=off"), 0);
    qlt_has_str(out,
                "\"workers\": [{\"pus\": \"0\", \"pin\": 0}],"); /* CPUs 0 and 1 are one core of that file */
    qlt_has_str(out, "\"simulated\": false");
    snprintf(before, sizeof before, "HWLOC_XMLFILE=%s", path);
    qlt_eq_int(topo(before, "--json"), 0);
    qlt_has_str(out, "\"bound\": false, \"simulated\": true");
    unlink(path);
    free(xml);
    free(of);
}

QLT(topo, believes_an_xml_file_that_says_it_is_this_system)
{
    qli_pu_set two, mask;
    qlt_check(qli_pu_set_parse(&two, "0-1"));
    if (qli_limits_mask(0, &mask) && qli_pu_set_equal(&mask, &two))
        told_by_xml();
    else
        fprintf(stderr, "skipped: written for CPUs 0-1\n");
}

static void bound_or_not(void)
{
    qlt_eq_int(topo("", "--json"), 0);
    qlt_has_str(out, "\"bound\": true, \"simulated\": false");
    qlt_eq_int(topo("", "--json --bind=off"), 0);
    qlt_has_str(out, "\"bound\": false, \"simulated\": false");
    if (!with_refused_affinity(EPERM))
        return;
    qlt_eq_int(topo("", "--json"), 0);
    qlt_has_str(out, "\"bound\": false, \"simulated\": false");
}

QLT(topo, says_bound_only_when_it_is_so)
{
    in_child(bound_or_not);
}

static void under_a_mask(void)
{
    if (!with_mask("1"))
        return;
    qlt_eq_int(topo("", "--json"), 0);
    qlt_has_str(out, "{\"mode\": \"shared\",\n \"lane\": {\"pus\": \"1\", \"pin\": 1");
    qlt_eq_int(topo("", "--json --mask 0-1"), 0);
    qlt_has_str(out, "{\"mode\": \"dedicated\"");
}

QLT(topo, plans_inside_the_mask_it_was_started_with)
{
    if (has_cpus(2))
        in_child(under_a_mask);
}

/* ---- A running process ---- */

/* A process like a runtime: its one thread is worker 0 of a plan without lanes, pinned or not. */
static pid_t fake_runtime(const char *pin, int ready[2])
{
    char byte = 0;
    qlt_eq_int(pipe2(ready, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NAME, "ql-w0");
        if (pin)
            (void)with_mask(pin);
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(0);
    }
    qlt_eq_int(read(ready[0], &byte, 1), 1);
    return child;
}

static void end(pid_t child, int ready[2])
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

QLT(topo, compares_a_running_process_with_its_plan)
{
    int ready[2];
    pid_t child = fake_runtime("0", ready);
    qlt_eq_int(topo("", "--check %d --config 'lane=off;cpus=0'", child), 0);
    qlt_has_str(out, "ql-w0");
    qlt_has_str(out, "verdict   as planned");
    qlt_eq_int(topo("", "--check %d --config 'lane=off;cpus=0;workers=2'", child), 1);
    qlt_has_str(out, "1 of 2 planned ones have no thread");
    end(child, ready);
    if (!has_cpus(2))
        return;
    child = fake_runtime(NULL, ready);
    qlt_eq_int(topo("", "--check %d --config 'lane=off;cpus=0'", child), 1);
    qlt_has_str(out, "NOT pinned as planned");
    qlt_has_str(out, "verdict   NOT as planned");
    end(child, ready);
    qlt_eq_int(topo("", "--check %d", getpid()), 1);
    qlt_has_str(out, "none of this process is a runtime's");
}
