#include "examples/feeds/options.h"

#include <errno.h>

#include "examples/words.h"

const char options_help[] =
    "usage: feeds [option value]...\n"
    "\n"
    "Many feeds, each a thread of its own, stream the rows of a CSV file. Workers parse them, and one lane, "
    "which owns the\n"
    "engine, upserts them into the table `rows`, by line number.\n"
    "\n"
    "  --csv FILE      a CSV file with a header (default: the flights that tools/setup fetched)\n"
    "  --feeds N       how many feeds (default 20)\n"
    "  --rows N        only the first N rows\n"
    "  --rate N        N rows a second, all feeds together\n"
    "  --repeat N      stream the file N times; a row that is in the table already stays as it is\n"
    "  --engine NAME   sqlite or q (default: QLANE_ENGINE, else sqlite); q is kdb+'s, and looked for as "
    "docs/engine-q.md says\n"
    "  --db FILE       a database file of SQLite's (default: in memory)\n"
    "  --key COL[,COL] also the table `keys`: for each value of these columns the number of rows and the sum "
    "of\n"
    "  --sum COL       this column (default: the first numeric column that is not in the key)\n"
    "  --query TEXT    in SQL or q: ask this while the rows come in, and at the end\n"
    "  --json          print one JSON object\n"
    "  --trace FILE    at the end, what each thread did last, for Perfetto: docs/trace.md\n"
    "  --metrics FILE  every second and at the end, all metrics, for tools/top (FILE may be a pipe): "
    "docs/metrics.md\n"
    "  --help          print this\n"
    "\n"
    "Placement, as in affinity/README.md: --cpus --lane --lanes --lane.q --callers --workers --smt "
    "--threads_per_core\n"
    "  --lane_kind --worker_kind --mem --steal --quota --bind --idle --worker_idle --show --affinity\n"
    "\n"
    "Exit status: 0 all rows are accounted for; 1 they are not, or the engine failed; 2 an input or option "
    "cannot be\n"
    "used; 130 interrupted, and all rows read are accounted for.\n";

int options_read(feed_options *options, int argc, char **argv, ql_error *error)
{
    *options = (feed_options){.feeds = 20, .repeat = 1};
    const word_option known[] = {
        {"csv", WORD_TEXT, &options->csv, 0},
        {"db", WORD_TEXT, &options->db, 0},
        {"engine", WORD_TEXT, &options->engine, 0},
        {"feeds", WORD_UNSIGNED, &options->feeds, 4096},
        {"help", WORD_FLAG, &options->help, 0},
        {"json", WORD_FLAG, &options->json, 0},
        {"metrics", WORD_TEXT, &options->metrics, 0},
        {"key", WORD_TEXT, &options->key, 0},
        {"query", WORD_TEXT, &options->query, 0},
        {"rate", WORD_UINT64, &options->rate, 1000000000},
        {"repeat", WORD_UNSIGNED, &options->repeat, 1000000},
        {"rows", WORD_UINT64, &options->rows, UINT64_C(1) << 48},
        {"sum", WORD_TEXT, &options->sum, 0},
        {"trace", WORD_TEXT, &options->trace, 0},
    };
    int code = words_read(known, sizeof(known) / sizeof(*known), options->affinity, sizeof(options->affinity),
                          argc, argv, error);
    if (!code && options->sum && !options->key)
        code = refuse(error, -EINVAL, "--sum: needs --key");
    return code;
}
