#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/show.h"
#include "tests/affinity/machine.h"
#include "tests/support/harness.h"

static char *shown(const ql_plan *plan, ql_show_format format, bool bound)
{
    char *text = ql_plan_show(plan, format, bound);
    qlt_check(text);
    return text;
}

/* ---- JSON: the contract, to the letter ---- */

QLT(show, json_is_the_contract)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .cores = 3, .threads = 2});
    ql_plan *plan = machine_plan(of, (m_ask){.config = "lane.q=core:2;mem=node:0"});
    char *text = shown(plan, QL_SHOW_JSON, false);
    qlt_eq_str(text, "{\"mode\": \"dedicated\",\n"
                     " \"lane\": {\"pus\": \"4-5\", \"pin\": 4, \"mem\": [0]},\n"
                     " \"workers\": [{\"pus\": \"0\", \"pin\": 0}, {\"pus\": \"2\", \"pin\": 2}],\n"
                     " \"steal\": [[1], [0]],\n"
                     " \"source\": {\"cpus\": \"default\", \"lane\": \"default\", \"lanes\": \"default\", "
                     "\"callers\": \"default\", "
                     "\"workers\": \"default\", \"smt\": \"default\", \"threads_per_core\": \"default\", "
                     "\"lane_kind\": \"default\", "
                     "\"worker_kind\": \"default\", \"mem\": \"config\", \"steal\": \"default\", \"quota\": "
                     "\"default\", \"bind\": "
                     "\"default\", \"idle\": \"default\", \"worker_idle\": \"default\", \"show\": "
                     "\"default\", \"lane.q\": \"config\"},\n"
                     " \"warnings\": [],\n"
                     " \"bound\": false, \"simulated\": true}\n");
    free(text);
    ql_plan_destroy(plan);
    free(of);
}

QLT(show, json_of_several_lanes_or_none)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .cores = 4, .threads = 1});
    ql_plan *plan = machine_plan(of, (m_ask){.config = "lanes=2"});
    char *text = shown(plan, QL_SHOW_JSON, true);
    qlt_has_str(text, " \"lane\": {\"pus\": \"3\", \"pin\": 3, \"mem\": [0]},\n"
                      " \"lanes\": [{\"pus\": \"3\", \"pin\": 3, \"mem\": [0]}, {\"pus\": \"2\", \"pin\": 2, "
                      "\"mem\": [0]}],\n");
    qlt_has_str(text, "\"bound\": true");
    free(text);
    ql_plan_destroy(plan);
    plan = machine_plan(of, (m_ask){.config = "lane=off"});
    text = shown(plan, QL_SHOW_JSON, false);
    qlt_has_str(text, "{\"mode\": \"off\",\n \"lane\": null,\n \"workers\"");
    qlt_eq_ptr(strstr(text, "\"lanes\": ["), NULL);
    free(text);
    ql_plan_destroy(plan);
    plan = machine_plan(of, (m_ask){.mask = "1"});
    text = shown(plan, QL_SHOW_JSON, false);
    qlt_has_str(text, "{\"mode\": \"shared\",\n \"lane\": {\"pus\": \"1\", \"pin\": 1, \"mem\": [0]},\n"
                      " \"workers\": [{\"pus\": \"1\", \"pin\": 1}],\n \"steal\": [[]],\n");
    free(text);
    ql_plan_destroy(plan);
    free(of);
}

QLT(show, json_leaves_the_steal_order_of_large_machines_out)
{
    ql_plan *plan = synthetic_plan("package:2 core:129 pu:1", (m_ask){0});
    qlt_eq_uint(ql_plan_workers(plan), 257);
    char *text = shown(plan, QL_SHOW_JSON, false);
    qlt_eq_ptr(strstr(text, "\"steal\": ["), NULL);
    free(text);
    qli_out out = {0};
    qli_show_json(plan, false, true, &out);
    text = qli_out_take(&out);
    qlt_has_str(text, "\"steal\": [[1, 2, 3");
    free(text);
    ql_plan_destroy(plan);
    plan = synthetic_plan("package:1 core:257 pu:1", (m_ask){0});
    text = shown(plan, QL_SHOW_JSON, false);
    qlt_has_str(text, "\"steal\": [[1, 2, 3");
    free(text);
    ql_plan_destroy(plan);
}

QLT(show, json_quotes_whatever_a_user_wrote)
{
    qli_out out = {0};
    qli_out_json(&out,
                 "a\"b\\c\nd\x01 \xc3\xa9 \xff\xc3( \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82\xac \xc0\xaf");
    char *text = qli_out_take(&out);
    qlt_eq_str(text, "\"a\\\"b\\\\c\\u000ad\\u0001 \xc3\xa9 ?"
                     "?( ?"
                     "?"
                     "? ?"
                     "?"
                     "?"
                     "? \xe2\x82\xac ?"
                     "?\"");
    free(text);
    out = (qli_out){0};
    qli_out_xml(&out, "<a href=\"x\">&\x02\xff");
    text = qli_out_take(&out);
    qlt_eq_str(text, "&lt;a href=&quot;x&quot;&gt;&amp;?"
                     "?");
    free(text);
}

/* ---- Text ---- */

QLT(show, text_says_who_runs_where_and_why)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .l2s = 4, .cores = 1, .threads = 2});
    of->disallowed[6] = of->offline[8] = true;
    ql_plan *plan = machine_plan(of, (m_ask){.config = "workers=2;lane.q=auto"});
    char *text = shown(plan, QL_SHOW_TEXT, false);
    qlt_has_str(
        text,
        "cpus      online 0-7  offline 8  allowed 0-5,7 (cgroup)  inherited 0-5,7 (affinity)  isolated -  "
        "quota none  => 4 cores\n");
    static const char *const parts[] = {
        "machine   1 package, 1 NUMA, 4 cores, 8 PUs        [simulated]\n",
        "lane      q: core 2 {4-5}  pin 4, 5 idle   numa 0   mem 0 local   L3 0   why: lane.q=auto\n",
        "workers   2: core 0-1   1 per core   pus 0,2\n",
        "idle      lane adaptive(200us)   workers adaptive(50us)\n",
        "config    cpus=inherit(default) lane=auto(default) workers=2(config) lane.q=auto(config)\n",
        "       [ w0 . ] [ w1 . ] [ LANE - ] [ x . ]\n",
        "steal w0    same-L3: w1\n",
        "warnings  none\n",
    };
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        qlt_has_str(text, parts[i]);
    free(text);
    ql_plan_destroy(plan);
    free(of);
}

QLT(show, text_of_a_large_machine_is_short)
{
    machine *of = machine_make(
        (m_shape){.packages = 2, .l3s = 8, .l2s = 8, .cores = 1, .threads = 2, .far_siblings = true});
    ql_plan *plan = machine_plan(of, (m_ask){0});
    char *text = shown(plan, QL_SHOW_TEXT, false);
    unsigned lines = 0;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    qlt_check(lines < 20);
    qlt_has_str(text,
                "package 1  numa 1  L3 8 16MB ... L3 15: 8 alike, each 8 cores, 8 workers (w63-w126)\n");
    free(text);
    ql_plan_destroy(plan);
    free(of);
}

/* ---- SVG ---- */

/* Every tag is closed in order, every & starts an entity, and nothing stands outside the one root. */
static void check_well_formed(const char *text)
{
    char open[64][32];
    unsigned depth = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '&')
            qlt_check(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
                      strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0);
        if (*at != '<')
            continue;
        const char *end = strchr(at, '>');
        qlt_check(end);
        size_t length = strcspn(at + 1 + (at[1] == '/'), " />");
        qlt_check(length > 0 && length < 32);
        if (at[1] == '/') {
            qlt_check(depth > 0);
            depth--;
            qlt_check(strncmp(open[depth], at + 2, length) == 0 && open[depth][length] == '\0');
        } else if (end[-1] != '/') {
            qlt_check(depth < 64);
            snprintf(open[depth++], 32, "%.*s", (int)length, at + 1);
        }
        at = end;
    }
    qlt_eq_uint(depth, 0);
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        found++;
    return found;
}

static void check_svg(machine *of, m_ask ask, unsigned pus)
{
    ql_plan *plan = machine_plan(of, ask);
    qli_out out = {0};
    qli_show_svg(plan, false, true, &out);
    char *text = qli_out_take(&out);
    qlt_check(text);
    check_well_formed(text);
    qlt_eq_uint(count(text, "<title>CPU "), pus);
    qlt_eq_uint(count(text, ": worker "), ql_plan_workers(plan));
    qlt_eq_uint(count(text, ": lane "), ql_plan_lanes(plan));
    qlt_has_str(text, "prefers-color-scheme:dark");
    free(text);
    ql_plan_destroy(plan);
    free(of);
}

QLT(show, svg_has_every_cpu_once_and_is_well_formed)
{
    check_svg(machine_make((m_shape){.packages = 1, .l3s = 1, .l2s = 4, .cores = 1, .threads = 2}),
              (m_ask){0}, 8);
    check_svg(
        machine_make((m_shape){.packages = 2, .nodes = 2, .l3s = 4, .l2s = 8, .cores = 1, .threads = 2}),
        (m_ask){0}, 256);
    check_svg(machine_make((m_shape){.cores = 1, .threads = 1}), (m_ask){.config = "lane=off"}, 1);
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 2, .l2s = 2, .cores = 4, .threads = 1});
    of->disallowed[3] = of->offline[20] = of->offline[21] = true;
    check_svg(of, (m_ask){.config = "lane.<&\">=core:1;lanes=3"}, 18);
}

QLT(show, bad_input_is_answered)
{
    qlt_eq_ptr(ql_plan_show(NULL, QL_SHOW_TEXT, false), NULL);
}
