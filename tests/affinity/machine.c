#include "tests/affinity/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/out.h"
#include "tests/support/harness.h"

machine *machine_make(m_shape s)
{
    machine *made = calloc(1, sizeof *made);
    qlt_check(made);
    int packages = s.packages ? s.packages : 1, nodes = s.nodes ? s.nodes : 1, l3s = s.l3s ? s.l3s : 1;
    int l2s = s.l2s ? s.l2s : 1, cores = packages * nodes * l3s * l2s * s.cores;
    qlt_check(cores <= M_CORES && s.threads <= M_THREADS && packages * nodes <= M_NODES);
    for (int core = 0; core < cores; core++) {
        m_core *at = &made->cores[made->core_count++];
        int l2 = core / s.cores, l3 = l2 / l2s, node = l3 / l3s, package = node / nodes;
        *at = (m_core){.package = s.packages ? package : -1,
                       .node = node,
                       .l3 = s.l3s ? l3 : -1,
                       .l2 = s.l2s ? l2 : -1,
                       .kind = -1,
                       .pu_count = s.threads};
        for (int i = 0; i < s.threads; i++)
            at->pus[i] = s.far_siblings ? core + i * cores : core * s.threads + i;
        made->l3_kilobytes[l3] = 16384;
    }
    made->node_count = packages * nodes;
    for (int node = 0; node < made->node_count; node++)
        made->nodes[node] = (m_node){.megabytes = 1024, .beside = -1};
    return made;
}

/* ---- XML ---- */

struct writer {
    qli_out out;
    const machine *of;
    int next_index;
};

/* Bits as hwloc writes them: 32-bit words, the highest first. */
static void add_bits(struct writer *w, const char *name, const bool *bits, int count)
{
    int words = (count + 31) / 32;
    qli_out_add(&w->out, " %s=\"", name);
    for (int word = words - 1; word >= 0; word--) {
        uint32_t value = 0;
        for (int bit = 0; bit < 32 && word * 32 + bit < count; bit++)
            value |= (uint32_t)bits[word * 32 + bit] << bit;
        qli_out_add(&w->out, "0x%08x%s", value, word ? "," : "");
    }
    qli_out_add(&w->out, "\"");
}

static int pu_end(const machine *of)
{
    int end = 0;
    for (int core = 0; core < of->core_count; core++)
        for (int i = 0; i < of->cores[core].pu_count; i++)
            end = of->cores[core].pus[i] >= end ? of->cores[core].pus[i] + 1 : end;
    for (int pu = 0; pu < M_PUS; pu++)
        end = of->offline[pu] && pu >= end ? pu + 1 : end;
    return end;
}

/* The sets every object carries: the PUs and nodes of cores first .. end - 1, or of one PU. */
static void add_sets(struct writer *w, int first, int end, int only_pu, int only_node)
{
    static bool pus[M_PUS], complete[M_PUS], allowed[M_PUS];
    const machine *of = w->of;
    bool nodes[M_NODES] = {false}, allowed_nodes[M_NODES] = {false};
    int count = pu_end(of);
    bool whole = first == 0 && end == of->core_count && only_pu < 0 && only_node < 0;
    memset(pus, 0, sizeof pus);
    for (int core = first; core < end; core++) {
        for (int i = 0; i < of->cores[core].pu_count; i++)
            pus[of->cores[core].pus[i]] = only_pu < 0 || only_pu == of->cores[core].pus[i];
        nodes[of->cores[core].node] = true;
    }
    for (int node = 0; node < of->node_count; node++) {
        nodes[node] = only_node >= 0
                          ? node == only_node
                          : nodes[node] || (of->nodes[node].beside >= 0 && nodes[of->nodes[node].beside]);
        allowed_nodes[node] = !of->nodes[node].disallowed;
    }
    for (int pu = 0; pu < count; pu++) {
        complete[pu] = pus[pu] || (whole && of->offline[pu]);
        allowed[pu] = pus[pu] && !of->disallowed[pu];
    }
    add_bits(w, "cpuset", pus, count);
    add_bits(w, "complete_cpuset", complete, count);
    add_bits(w, "nodeset", nodes, of->node_count);
    add_bits(w, "complete_nodeset", nodes, of->node_count);
    if (whole) {
        add_bits(w, "allowed_cpuset", allowed, count);
        add_bits(w, "allowed_nodeset", allowed_nodes, of->node_count);
    }
    qli_out_add(&w->out, " gp_index=\"%d\"", w->next_index++);
}

static void add_node(struct writer *w, int node, int first, int end)
{
    const m_node *at = &w->of->nodes[node];
    qli_out_add(&w->out, "<object type=\"NUMANode\" os_index=\"%d\"", node);
    if (at->subtype)
        qli_out_add(&w->out, " subtype=\"%s\"", at->subtype);
    add_sets(w, first, end, -1, node);
    qli_out_add(&w->out, " local_memory=\"%lld\"/>\n", at->megabytes << 20);
}

static void add_nodes(struct writer *w, int first, int end)
{
    int node = w->of->cores[first].node;
    add_node(w, node, first, end);
    for (int i = 0; i < w->of->node_count; i++)
        if (w->of->nodes[i].beside == node)
            add_node(w, i, first, end);
}

static void add_cores(struct writer *w, int first, int end)
{
    for (int core = first; core < end; core++) {
        const m_core *at = &w->of->cores[core];
        if (!w->of->no_core_level) {
            qli_out_add(&w->out, "<object type=\"Core\" os_index=\"%d\"", core);
            add_sets(w, core, core + 1, -1, -1);
            qli_out_add(&w->out, ">\n");
        }
        for (int i = 0; i < at->pu_count; i++) {
            qli_out_add(&w->out, "<object type=\"PU\" os_index=\"%d\"", at->pus[i]);
            add_sets(w, core, core + 1, at->pus[i], -1);
            qli_out_add(&w->out, "/>\n");
        }
        qli_out_add(&w->out, w->of->no_core_level ? "" : "</object>\n");
    }
}

/* One level after the other: cores that share a number share an object. */
enum level { PACKAGE, NODE, L3, L2, LEAVES };

static int number(const m_core *core, enum level level)
{
    return level == PACKAGE ? core->package : level == NODE ? core->node : level == L3 ? core->l3 : core->l2;
}

static void add_level(struct writer *w, enum level level, int first, int end, int node_there)
{
    const m_core *cores = w->of->cores;
    if (level == LEAVES) {
        add_cores(w, first, end);
        return;
    }
    for (int at = first, next; at < end; at = next) {
        for (next = at + 1; next < end && number(&cores[next], level) == number(&cores[at], level);)
            next++;
        bool one_node = cores[at].node == cores[next - 1].node && node_there < 0;
        const char *open = NULL;
        if (level == NODE)
            open = at == first && next == end ? NULL : "<object type=\"Group\"";
        else if (number(&cores[at], level) >= 0)
            open = level == PACKAGE ? "<object type=\"Package\""
                   : level == L3    ? "<object type=\"L3Cache\""
                                    : "<object type=\"L2Cache\"";
        if (open) {
            qli_out_add(&w->out, "%s", open);
            if (level == PACKAGE)
                qli_out_add(&w->out, " os_index=\"%d\"", cores[at].package);
            add_sets(w, at, next, -1, -1);
            if (level == L3 || level == L2)
                qli_out_add(&w->out,
                            " cache_size=\"%d\" depth=\"%d\" cache_linesize=\"64\" cache_associativity=\"0\" "
                            "cache_type=\"0\"",
                            level == L3 ? w->of->l3_kilobytes[cores[at].l3] * 1024 : 1048576,
                            level == L3 ? 3 : 2);
            qli_out_add(&w->out, ">\n");
        }
        bool here = one_node && (open || level == NODE) && level <= NODE;
        if (here)
            add_nodes(w, at, next);
        add_level(w, level + 1, at, next, here ? cores[at].node : node_there);
        qli_out_add(&w->out, open ? "</object>\n" : "");
    }
}

static void add_distances(struct writer *w)
{
    const machine *of = w->of;
    qli_out indexes = {0}, values = {0};
    if (!of->distances[0][0])
        return;
    for (int i = 0; i < of->node_count; i++) {
        qli_out_add(&indexes, "%d ", i);
        for (int j = 0; j < of->node_count; j++)
            qli_out_add(&values, "%d ", of->distances[i][j]);
    }
    qli_out_add(
        &w->out,
        "<distances2 type=\"NUMANode\" nbobjs=\"%d\" kind=\"5\" name=\"NUMALatency\" indexing=\"os\">\n"
        "<indexes length=\"%zu\">%s</indexes>\n<u64values length=\"%zu\">%s</u64values>\n</distances2>\n",
        of->node_count, indexes.length, indexes.text, values.length, values.text);
    free(qli_out_take(&indexes));
    free(qli_out_take(&values));
}

static void add_info(struct writer *w, const char *name, int value)
{
    if (value)
        qli_out_add(&w->out, "<info name=\"%s\" value=\"%d\"/>", name, value);
}

static void add_kinds(struct writer *w)
{
    static bool pus[M_PUS];
    for (int kind = 0; kind < w->of->kind_count; kind++) {
        const m_kind *at = &w->of->kinds[kind];
        memset(pus, 0, sizeof pus);
        for (int core = 0; core < w->of->core_count; core++)
            for (int i = 0; i < w->of->cores[core].pu_count; i++)
                pus[w->of->cores[core].pus[i]] = w->of->cores[core].kind == kind;
        qli_out_add(&w->out, "<cpukind");
        add_bits(w, "cpuset", pus, pu_end(w->of));
        qli_out_add(&w->out, ">");
        if (at->type)
            qli_out_add(&w->out, "<info name=\"CoreType\" value=\"%s\"/>", at->type);
        add_info(w, "LinuxCapacity", at->capacity);
        add_info(w, "FrequencyMaxMHz", at->max_mhz);
        add_info(w, "FrequencyBaseMHz", at->base_mhz);
        qli_out_add(&w->out, "</cpukind>\n");
    }
}

char *machine_xml(const machine *of)
{
    struct writer w = {.of = of, .next_index = 1};
    qli_out_add(&w.out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
                "<topology version=\"2.0\">\n<object type=\"Machine\" os_index=\"0\"");
    add_sets(&w, 0, of->core_count, -1, -1);
    qli_out_add(&w.out, ">\n");
    bool one_node = of->cores[0].node == of->cores[of->core_count - 1].node && of->cores[0].package < 0;
    if (one_node)
        add_nodes(&w, 0, of->core_count);
    add_level(&w, PACKAGE, 0, of->core_count, one_node ? 0 : -1);
    qli_out_add(&w.out, "</object>\n");
    add_distances(&w);
    add_kinds(&w);
    qli_out_add(&w.out, "</topology>\n");
    char *text = qli_out_take(&w.out);
    qlt_check(text);
    return text;
}

/* ---- Plans ---- */

static int plan_of(qli_machine_from from, const char *what, m_ask ask, ql_plan **plan, ql_error *error)
{
    qli_machine *loaded;
    static qli_limits limits;
    qli_request request;
    ql_affinity_config config = {.size = sizeof config, .text = ask.config};
    int code = qli_machine_load(from, what, &loaded, error);
    if (code < 0)
        return code;
    qli_limits_of(loaded, "", 0, &limits);
    if (ask.mask)
        qlt_check(qli_pu_set_parse(&limits.inherited, ask.mask));
    if (ask.isolated)
        qlt_check(qli_pu_set_parse(&limits.isolated, ask.isolated));
    limits.quota_milli = (uint64_t)(ask.quota * 1000);
    code = qli_request_read(&config, NULL, NULL, &request, error);
    if (code < 0) {
        qli_machine_free(loaded);
        return code;
    }
    return qli_plan_make(loaded, &limits, &request, plan, error);
}

static int plan_of_machine(const machine *of, m_ask ask, ql_plan **plan, ql_error *error)
{
    char path[4096];
    const char *folder = getenv("TEST_TMPDIR");
    snprintf(path, sizeof path, "%s/machine-%d.xml", folder ? folder : "/tmp", getpid());
    FILE *file = fopen(path, "w");
    qlt_check(file);
    char *xml = machine_xml(of);
    qlt_check(fputs(xml, file) >= 0);
    qlt_eq_int(fclose(file), 0);
    free(xml);
    int code = plan_of(QLI_FROM_XML_FILE, path, ask, plan, error);
    unlink(path);
    return code;
}

ql_plan *machine_plan(const machine *of, m_ask ask)
{
    ql_plan *plan;
    ql_error error = {0};
    if (plan_of_machine(of, ask, &plan, &error) < 0)
        qlt_fail("no plan: %s", error.text);
    return plan;
}

void machine_refuses(const machine *of, m_ask ask, int code, const char *text)
{
    ql_plan *plan = NULL;
    ql_error error = {0};
    int found = plan_of_machine(of, ask, &plan, &error);
    if (found == 0)
        qlt_fail("'%s' was not refused", ask.config);
    qlt_has_str(error.text, text);
    qlt_eq_int(found, code);
    qlt_eq_int(error.code, code);
    qlt_eq_ptr(plan, NULL);
}

ql_plan *synthetic_plan(const char *synthetic, m_ask ask)
{
    ql_plan *plan;
    ql_error error = {0};
    if (plan_of(QLI_FROM_SYNTHETIC, synthetic, ask, &plan, &error) < 0)
        qlt_fail("no plan for '%s': %s", synthetic, error.text);
    return plan;
}
