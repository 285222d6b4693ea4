#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/layout.h"
#include "affinity/show.h"
#include "affinity/steal.h"

/* The plan as a picture for a run book: text stays text, colour never says anything alone, light and dark by the reader's
 * setting. Hues are Okabe and Ito's, which people with any colour vision tell apart. */

enum { MARGIN = 16, LINE = 18, HUES = 6, WIDTH_MIN = 600 };

static const char STYLE[] =
    "<style>\n"
    ":root{--bg:#fff;--ink:#1b1f24;--soft:#57606a;--line:#afb8c1;--box:#f6f8fa;--inner:#eceff3;--core:#fff;--"
    "gone:#d0d7de;"
    "--lane:#c14a00;--lane-ink:#fff;"
    "--h0:#cfe6f7;--h1:#c8eadb;--h2:#f3d9e8;--h3:#fbe8b9;--h4:#c9d6f0;--h5:#e4e4d0}\n"
    "@media "
    "(prefers-color-scheme:dark){:root{--bg:#0d1117;--ink:#e6edf3;--soft:#9aa4ae;--line:#4b535d;--box:#"
    "161b22;"
    "--inner:#1d242d;--core:#0d1117;--gone:#30363d;--lane:#e8701a;--lane-ink:#140a00;"
    "--h0:#174a70;--h1:#0e5a43;--h2:#6b3355;--h3:#6b5310;--h4:#2b4380;--h5:#4d4d33}}\n"
    "svg{background:var(--bg)}\n"
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:var(--ink)}\n"
    ".head{font-size:16px;font-weight:600}.soft{fill:var(--soft)}.pu{text-anchor:middle;font-size:11px}\n"
    ".os{text-anchor:middle;font-size:8px;fill:var(--soft)}\n"
    ".box{fill:var(--box);stroke:var(--line)}.inner{fill:var(--inner);stroke:var(--line)}.core{fill:var(--"
    "core);stroke:var(--line)}\n"
    ".lane{fill:var(--lane);stroke:var(--ink);stroke-width:1.5}.lane-ink{fill:var(--lane-ink);font-weight:"
    "700}\n"
    ".kept{fill:url(#hatch);stroke:var(--lane)}.unused{fill:none;stroke:var(--line)}.foreign{fill:var(--gone)"
    ";stroke:var(--line)}\n"
    ".off{fill:none;stroke:var(--soft);stroke-dasharray:3 2}\n"
    ".w0{fill:var(--h0)}.w1{fill:var(--h1)}.w2{fill:var(--h2)}.w3{fill:var(--h3)}.w4{fill:var(--h4)}.w5{fill:"
    "var(--h5)}\n"
    ".w{stroke:var(--soft)}.arrow{fill:none;stroke:var(--ink);stroke-width:1.2;opacity:.55;marker-end:url(#"
    "tip)}\n"
    "</style>\n"
    "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
    "patternTransform=\"rotate(45)\">"
    "<line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"var(--lane)\" stroke-width=\"1.6\" "
    "opacity=\".45\"/></pattern>"
    "<marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
    "orient=\"auto\">"
    "<path d=\"M0 0L8 4L0 8z\" fill=\"var(--ink)\"/></marker></defs>\n";

struct point {
    int x, y;
};

struct picture {
    const ql_plan *plan;
    qli_out *out;
    qli_layout layout;
    int top, width, height;
    struct point *workers; /* the middle of each worker's upper edge */
};

/* One look of a PU: its class in the style, what is written in it, and what it is. */
struct look {
    char class[16], text[24], what[96];
    bool lane;
};

static unsigned node_of(const ql_plan *plan, unsigned core)
{
    int node = plan->machine->cores[core].node;
    return node < 0 ? 0 : (unsigned)node;
}

static bool look_of_lane(const ql_plan *plan, unsigned core, unsigned os, struct look *look)
{
    for (unsigned i = 0; i < plan->lane_count; i++) {
        const ql_slot *slot = &plan->lanes[i];
        const char *name = plan->places[i].name;
        if (slot->core_logical != (int)core || !qli_pu_set_has(&plan->places[i].pus, os))
            continue;
        look->lane = slot->pu_os == (int)os;
        snprintf(look->class, sizeof look->class, look->lane ? "lane" : "kept");
        snprintf(look->text, sizeof look->text, "%.20s",
                 !look->lane                 ? "\u2013"
                 : name && strlen(name) <= 5 ? name
                                             : "LANE");
        snprintf(look->what, sizeof look->what,
                 look->lane ? "lane %.40s" : "reserved for lane %.40s, stays idle", name ? name : "");
        return true;
    }
    return false;
}

static struct look look_of(const ql_plan *plan, unsigned core, unsigned os)
{
    struct look look = {.lane = false};
    unsigned here = 0, first = 0;
    for (unsigned w = plan->workers_before[core]; w < plan->workers_before[core + 1]; w++)
        if (plan->workers[w].pu_os == (int)os && here++ == 0)
            first = w;
    if (look_of_lane(plan, core, os, &look)) {
        if (here)
            snprintf(look.text, sizeof look.text, "L+w%u", first);
        return look;
    }
    if (here) {
        snprintf(look.class, sizeof look.class, "w w%u", node_of(plan, core) % HUES);
        snprintf(look.text, sizeof look.text, here > 1 ? "w%u+%u" : "w%u", first, here - 1);
        snprintf(look.what, sizeof look.what, here > 1 ? "worker %u and %u more" : "worker %u", first,
                 here - 1);
    } else if (qli_pu_set_has(&plan->usable, os)) {
        snprintf(look.class, sizeof look.class, "unused");
        snprintf(look.text, sizeof look.text, "\u00b7");
        snprintf(look.what, sizeof look.what, "unused");
    } else {
        snprintf(look.class, sizeof look.class, "foreign");
        snprintf(look.text, sizeof look.text, "\u00d7");
        snprintf(look.what, sizeof look.what, "not ours to use");
    }
    return look;
}

static void draw_pu(struct picture *picture, const struct look *look, int x, int y, int w, int h,
                    const char *os)
{
    qli_out_add(picture->out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>",
                look->class, x, y, w, h);
    qli_out_add(picture->out, "<text class=\"pu%s\" x=\"%d\" y=\"%d\">", look->lane ? " lane-ink" : "",
                x + w / 2, y + h / 2 + 1);
    qli_out_xml(picture->out, look->text);
    qli_out_add(picture->out, "</text><text class=\"os%s\" x=\"%d\" y=\"%d\">%s</text>",
                look->lane ? " lane-ink" : "", x + w / 2, y + h - 3, os);
}

static void draw_core(struct picture *picture, const qli_box *box)
{
    const ql_plan *plan = picture->plan;
    const qli_machine *machine = plan->machine;
    const qli_core *core = &machine->cores[box->core];
    int w = (box->w - 3) / (int)core->pus - 3, x = box->x + 3;
    qli_out_add(picture->out,
                "<rect class=\"core\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>\n", box->x,
                picture->top + box->y, box->w, box->h);
    for (unsigned pu = core->first_pu; pu < core->first_pu + core->pus; pu++, x += w + 3) {
        unsigned os = machine->pus[pu].os;
        struct look look = look_of(plan, (unsigned)box->core, os);
        char number[16];
        snprintf(number, sizeof number, "%u", os);
        qli_out_add(picture->out, "<g><title>CPU %u, core %d", os, box->core);
        if (core->node >= 0)
            qli_out_add(picture->out, ", NUMA %u", machine->nodes[core->node].os);
        qli_out_add(picture->out,
                    ", %s core: ", qli_pu_set_has(&plan->machine_perf, os) ? "performance" : "efficiency");
        qli_out_xml(picture->out, look.what);
        qli_out_add(picture->out, "</title>");
        draw_pu(picture, &look, x, picture->top + box->y + 3, w, box->h - 6, number);
        qli_out_add(picture->out, "</g>\n");
        for (unsigned n = plan->workers_before[box->core]; n < plan->workers_before[box->core + 1]; n++)
            if (plan->workers[n].pu_os == (int)os)
                picture->workers[n] = (struct point){x + w / 2, picture->top + box->y + 3};
    }
}

static void draw_box(struct picture *picture, const qli_box *box, unsigned depth)
{
    qli_out_add(picture->out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>",
                depth % 2 ? "box" : "inner", box->x, picture->top + box->y, box->w, box->h);
    if (box->title[0]) {
        qli_out_add(picture->out, "<text x=\"%d\" y=\"%d\">", box->x + QLI_GAP,
                    picture->top + box->y + QLI_TITLE - 4);
        qli_out_xml(picture->out, box->title);
        qli_out_add(picture->out, "</text>");
    }
    qli_out_add(picture->out, "\n");
}

static unsigned depth_of(const qli_layout *layout, unsigned box)
{
    unsigned depth = 0;
    for (int at = layout->boxes[box].parent; at >= 0; at = layout->boxes[at].parent)
        depth++;
    return depth;
}

/* ---- Around the machine ---- */

/* A line of text, cut to the picture's width. */
static void draw_line(struct picture *picture, int y, const char *class, const char *text)
{
    size_t most = (size_t)(picture->width - 2 * MARGIN) * 10 / 66; /* a character takes about 6.6 */
    char *cut = strdup(text);
    if (cut && strlen(cut) > most)
        memcpy(cut + most - 3, "...", 4);
    qli_out_add(picture->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, MARGIN, y);
    qli_out_xml(picture->out, cut ? cut : "");
    qli_out_add(picture->out, "</text>\n");
    free(cut);
}

/* A list that grows in a fixed text, and is cut where the text ends. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t text_size, const char *format,
                                                         ...)
{
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, text_size - length, format, args);
    va_end(args);
}

static void draw_head(struct picture *picture, bool bound)
{
    const ql_plan *plan = picture->plan;
    const qli_machine *machine = plan->machine;
    char text[512];
    draw_line(picture, 28, "head", machine->name[0] ? machine->name : "Placement");
    snprintf(text, sizeof text, "%u cores, %u CPUs, %u NUMA. Mode %s: lanes %u, workers %u. %s",
             machine->core_count, machine->pu_count, machine->node_count, qli_mode_word(plan->mode),
             plan->lane_count, plan->worker_count,
             machine->simulated ? "Simulated."
             : bound            ? "Bound."
                                : "Not bound.");
    draw_line(picture, 28 + LINE, "", text);
    snprintf(text, sizeof text, plan->lane_count ? "Lanes:" : "No lane has a core of its own.");
    for (unsigned i = 0; i < plan->lane_count; i++)
        append(text, sizeof text, "%s%s%s core %u (CPU %u)", i ? ", " : " ",
               plan->places[i].name ? plan->places[i].name : "", plan->places[i].name ? ":" : "",
               plan->places[i].core, plan->places[i].pin_os);
    draw_line(picture, 28 + 2 * LINE, "", text);
    snprintf(text, sizeof text, "Set:");
    for (unsigned i = 0; i < QLI_KEYS + plan->request.named_count; i++) {
        const qli_value *value =
            i < QLI_KEYS ? &plan->request.values[i] : &plan->request.named[i - QLI_KEYS].cores;
        if (value->layer != QLI_BY_DEFAULT)
            append(text, sizeof text, " %s=%s", value->key, value->text);
    }
    draw_line(picture, 28 + 3 * LINE, "soft", strlen(text) > 4 ? text : "Set: nothing, all defaults");
    if (plan->warning_count) {
        snprintf(text, sizeof text, "! %.300s%s", plan->warnings[0],
                 plan->warning_count > 1 ? "  (and more: see topo)" : "");
        draw_line(picture, 28 + 4 * LINE, "", text);
    }
}

/* PUs that are not online have no core to be drawn in. */
static void draw_offline(struct picture *picture, int y)
{
    struct look look = {.class = "off", .text = "off"};
    int x = MARGIN;
    for (int pu = qli_pu_set_next(&picture->plan->machine->offline, 0); pu >= 0 && x + 40 < picture->width;
         pu = qli_pu_set_next(&picture->plan->machine->offline, (unsigned)pu + 1), x += 40) {
        char number[16];
        snprintf(number, sizeof number, "%d", pu);
        qli_out_add(picture->out, "<g><title>CPU %d is offline</title>", pu);
        draw_pu(picture, &look, x, y, 34, QLI_EFF_H, number);
        qli_out_add(picture->out, "</g>\n");
    }
}

static const struct {
    struct look look;
    const char *text;
} LEGEND[] = {
    {{.class = "lane", .text = "LANE", .lane = true}, "a lane's CPU"},
    {{.class = "kept", .text = "\u2013"}, "its sibling, kept idle"},
    {{.class = "w w0", .text = "w0"}, "worker (hue: NUMA node)"},
    {{.class = "unused", .text = "\u00b7"}, "sibling, unused"},
    {{.class = "foreign", .text = "\u00d7"}, "not ours to use"},
    {{.class = "off", .text = "off"}, "offline"},
};

/* Draws the legend from y down, or only measures it; returns where it ends. */
static int draw_legend(struct picture *picture, int y, bool draw)
{
    int x = MARGIN;
    for (unsigned i = 0; i < sizeof LEGEND / sizeof LEGEND[0]; i++) {
        int w = QLI_PU_W + 8 + (int)strlen(LEGEND[i].text) * 7 + 12;
        if (x + w > picture->width) {
            x = MARGIN;
            y += QLI_PU_H + 6;
        }
        if (draw) {
            draw_pu(picture, &LEGEND[i].look, x, y, QLI_PU_W, QLI_PU_H, "");
            qli_out_add(picture->out, "<text x=\"%d\" y=\"%d\">%s</text>\n", x + QLI_PU_W + 8, y + 19,
                        LEGEND[i].text);
        }
        x += w;
    }
    return y + QLI_PU_H;
}

/* From worker 0 to the first worker of each of its rings. */
static void draw_arrow(void *context, const qli_steal_step *step)
{
    struct picture *picture = context;
    struct point from = picture->workers[0], to = picture->workers[step->range.first];
    int bend = 30 + (int)step->range.ring * 18;
    bool flat = abs(to.x - from.x) > abs(to.y - from.y);
    struct point over = {(from.x + to.x) / 2 + (flat ? 0 : bend), (from.y + to.y) / 2 - (flat ? bend : 0)};
    qli_out_add(
        picture->out,
        "<path class=\"arrow\" d=\"M%d %dQ%d %d %d %d\"><title>steal ring %u: w%u to w%u</title></path>\n",
        from.x, from.y, over.x, over.y, to.x, to.y, step->range.ring, step->range.first,
        step->range.first + step->range.count - 1);
}

static void draw_machine(struct picture *picture)
{
    for (unsigned i = 0; i < picture->layout.count; i++) {
        qli_box *box = &picture->layout.boxes[i];
        box->x += MARGIN;
        if (box->core >= 0)
            draw_core(picture, box);
        else
            draw_box(picture, box, depth_of(&picture->layout, i));
    }
}

void qli_show_svg(const ql_plan *plan, bool bound, bool steal, qli_out *out)
{
    struct picture picture = {.plan = plan, .out = out, .top = 28 + (plan->warning_count ? 5 : 4) * LINE};
    picture.workers = calloc(plan->worker_count, sizeof *picture.workers);
    if (!picture.workers || qli_layout_make(plan, &picture.layout) < 0) {
        out->failed = true;
        free(picture.workers);
        return;
    }
    const qli_box *all = &picture.layout.boxes[0];
    bool offline = !qli_pu_set_empty(&plan->machine->offline);
    picture.width = all->w + 2 * MARGIN > WIDTH_MIN ? all->w + 2 * MARGIN : WIDTH_MIN;
    int legend = picture.top + all->h + MARGIN + (offline ? QLI_EFF_H + 10 : 0);
    picture.height = draw_legend(&picture, legend, false) + MARGIN;
    qli_out_add(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                "role=\"img\">\n"
                "<title>qlane: which thread runs on which core</title>\n%s",
                picture.width, picture.height, picture.width, picture.height, STYLE);
    qli_out_add(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"var(--bg)\"/>\n");
    draw_head(&picture, bound);
    draw_machine(&picture);
    if (steal && plan->worker_count > 1)
        qli_steal_walk(plan, 0, draw_arrow, &picture);
    if (offline)
        draw_offline(&picture, picture.top + all->h + 10);
    draw_legend(&picture, legend, true);
    qli_out_add(out, "</svg>\n");
    qli_layout_fini(&picture.layout);
    free(picture.workers);
}
