#include "affinity/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_W = 1400, COLUMNS_MAX = 64 };

struct size {
    int w, h, empty;
};

/* ---- Which boxes there are ---- */

static void add_title(qli_box *box, const char *text)
{
    size_t length = strlen(box->title);
    snprintf(box->title + length, sizeof box->title - length, "%s%s", length ? " \u00b7 " : "", text);
}

static void add_part_title(const ql_plan *plan, qli_box *box, const qli_part *part)
{
    char text[64] = "";
    unsigned long long bytes = part->bytes;
    if (part->type == QLI_PACKAGE)
        snprintf(text, sizeof text, "Package %d", part->logical);
    else if (part->type == QLI_DIE)
        snprintf(text, sizeof text, "Die %d", part->logical);
    else if (part->type == QLI_L3 && bytes >= 1048576)
        snprintf(text, sizeof text, "L3 %d %lluMB", part->logical, bytes / 1048576);
    else if (part->type == QLI_L3)
        snprintf(text, sizeof text, "L3 %d", part->logical);
    if (text[0])
        add_title(box, text);
    for (unsigned i = 0; i < plan->machine->node_count; i++) {
        static const char *const kinds[] = {"", " HBM", " NVM", " GPU memory"};
        const qli_node *node = &plan->machine->nodes[i];
        if (node->depth != part->depth || node->first_pu != part->first_pu || node->pus != part->pus)
            continue;
        snprintf(text, sizeof text, "NUMA %u%s%s", node->os, kinds[node->kind],
                 node->bytes ? "" : " (no memory)");
        add_title(box, text);
    }
}

/* Does a part get a box? Clusters only where they say more than their cores do. */
static bool is_drawn(const qli_machine *machine, const qli_part *part)
{
    if (part->type == QLI_MACHINE || part->type == QLI_PACKAGE || part->type == QLI_DIE ||
        part->type == QLI_L3)
        return true;
    if (part->type == QLI_L2)
        return part->cores > 1;
    for (unsigned i = 0; i < machine->node_count; i++)
        if (machine->nodes[i].depth == part->depth && machine->nodes[i].first_pu == part->first_pu &&
            machine->nodes[i].pus == part->pus)
            return part->type != QLI_CORE;
    return false;
}

static qli_box *add_box(qli_layout *layout, int parent, unsigned part, int core, unsigned first_core,
                        unsigned cores)
{
    qli_box *box = &layout->boxes[layout->count++];
    *box = (qli_box){.parent = parent, .core = core, .part = part, .first_core = first_core, .cores = cores};
    return box;
}

/* The box that a part lies in: box_of[part], filled for every part before those inside it. */
static void list_boxes(const ql_plan *plan, qli_layout *layout, int *box_of)
{
    const qli_machine *machine = plan->machine;
    unsigned core = 0;
    for (unsigned i = 0; i < machine->part_count; i++) {
        const qli_part *part = &machine->parts[i];
        int around = part->parent < 0 ? -1 : box_of[part->parent];
        for (; core < part->first_core; core++)
            add_box(layout, box_of[machine->cores[core].part], machine->cores[core].part, (int)core, core, 1);
        box_of[i] = around;
        if (!is_drawn(machine, part))
            continue;
        /* A part as large as the one around it shares its box and adds to its title. */
        bool same = around >= 0 && layout->boxes[around].cores == part->cores;
        if (!same) {
            add_box(layout, around, i, -1, part->first_core, part->cores);
            box_of[i] = (int)layout->count - 1;
        }
        add_part_title(plan, &layout->boxes[box_of[i]], part);
    }
    for (; core < machine->core_count; core++)
        add_box(layout, box_of[machine->cores[core].part], machine->cores[core].part, (int)core, core, 1);
}

/* ---- Where they are ---- */

static void size_core(const ql_plan *plan, qli_box *box)
{
    const qli_core *core = &plan->machine->cores[box->core];
    bool perf = qli_pu_set_has(&plan->machine_perf, plan->machine->pus[core->first_pu].os);
    int pus = (int)core->pus;
    box->w = pus * (perf ? QLI_PU_W : QLI_EFF_W) + (pus + 1) * 3;
    box->h = (perf ? QLI_PU_H : QLI_EFF_H) + 6;
}

/* The next box that lies directly in `of`, after `box`; 0 when there is none. */
static unsigned next_child(const qli_layout *layout, unsigned of, unsigned box)
{
    const qli_box *parent = &layout->boxes[of];
    unsigned end = parent->first_core + parent->cores;
    for (box++; box < layout->count && layout->boxes[box].first_core < end; box++)
        if (layout->boxes[box].parent == (int)of)
            return box;
    return 0;
}

/* Boxes of one sort stand in rows of their own: cores of one height, or clusters. */
static bool same_sort(const qli_box *a, const qli_box *b)
{
    return (a->core >= 0) == (b->core >= 0) && (a->core < 0 || (a->h == b->h && a->w == b->w));
}

/* Lays a box's children out in rows of `columns`, from its corner; tells the size they take and the places left empty. */
static void flow(qli_layout *layout, unsigned of, int columns, bool place, struct size *size)
{
    int x = 0, y = 0, row_h = 0, column = 0;
    unsigned before = 0;
    *size = (struct size){0};
    for (unsigned i = next_child(layout, of, of); i; before = i, i = next_child(layout, of, i)) {
        qli_box *child = &layout->boxes[i];
        if (before && (column == columns || !same_sort(child, &layout->boxes[before]))) {
            size->empty += columns - column;
            y += row_h + QLI_GAP;
            x = row_h = column = 0;
        }
        if (place) {
            child->x = x + QLI_GAP;
            child->y = y + QLI_GAP + (layout->boxes[of].title[0] ? QLI_TITLE : 0);
        }
        size->w = x + child->w > size->w ? x + child->w : size->w;
        row_h = child->h > row_h ? child->h : row_h;
        size->h = y + row_h;
        x += child->w + QLI_GAP;
        column++;
    }
    size->empty += columns - column;
}

static int children_of(const qli_layout *layout, unsigned of)
{
    int count = 0;
    for (unsigned i = next_child(layout, of, of); i; i = next_child(layout, of, i))
        count++;
    return count;
}

/* As many columns as make the box about twice as wide as high, and no wider than a page. */
static void size_box(qli_layout *layout, unsigned of)
{
    qli_box *box = &layout->boxes[of];
    int children = children_of(layout, of), best = 1;
    struct size size;
    double least = 1e9;
    for (int columns = 1; columns <= children && columns <= COLUMNS_MAX; columns++) {
        flow(layout, of, columns, false, &size);
        double shape = (double)size.w / (2.0 * size.h);
        double cost =
            (shape < 1 ? 1 / shape : shape) - 1 + (size.w > PAGE_W ? 1000 : 0) + 12.0 * size.empty / children;
        if (cost < least) {
            least = cost;
            best = columns;
        }
    }
    flow(layout, of, best, true, &size);
    int title = (int)strlen(box->title) * 7 + QLI_GAP;
    box->w = (size.w > title ? size.w : title) + 2 * QLI_GAP;
    box->h = size.h + 2 * QLI_GAP + (box->title[0] ? QLI_TITLE : 0);
}

int qli_layout_make(const ql_plan *plan, qli_layout *layout)
{
    const qli_machine *machine = plan->machine;
    int *box_of = calloc(machine->part_count, sizeof *box_of);
    *layout = (qli_layout){.boxes = calloc(machine->part_count + machine->core_count, sizeof *layout->boxes)};
    if (!box_of || !layout->boxes) {
        free(box_of);
        qli_layout_fini(layout);
        return -ENOMEM;
    }
    list_boxes(plan, layout, box_of);
    free(box_of);
    for (unsigned i = layout->count; i-- > 0;) {
        if (layout->boxes[i].core >= 0)
            size_core(plan, &layout->boxes[i]);
        else
            size_box(layout, i);
    }
    /* Until here x and y are from the corner of the box around; parents come first. */
    for (unsigned i = 1; i < layout->count; i++) {
        layout->boxes[i].x += layout->boxes[layout->boxes[i].parent].x;
        layout->boxes[i].y += layout->boxes[layout->boxes[i].parent].y;
    }
    return 0;
}

void qli_layout_fini(qli_layout *layout)
{
    free(layout->boxes);
    *layout = (qli_layout){0};
}
