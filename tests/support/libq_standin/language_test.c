#include "tests/support/libq_standin/host.h"

#include "tests/support/harness.h"

struct row {
    const char *text, *expected;
};

static void expect_rows(const struct row *rows, size_t count)
{
    host_begin();
    for (size_t i = 0; i < count; i++)
        host_expect(rows[i].text, rows[i].expected);
}

/* clang-format off */

static const struct row evaluates_right_to_left[] = {
    {"1+1", "2"},
    {"2*3+4", "14"},
    {"1 2 3+10", "11 12 13"},
    {"a:5", "::"},
    {"a", "5"},
    {"a+:2", "::"},
    {"a", "7"},
    {"f:{x+y}", "::"},
    {"f[1;2]", "3"},
    {"f[1] 2", "3"},
    {"{x*x} each 1 2 3", "1 4 9"},
    {"+/[1 2 3]", "6"},
    {"(+/) 1 2 3", "6"},
    {"0 +/ 1 2 3", "6"},
    {"+\\[1 2 3]", "1 3 6"},
    {"sum til 100", "4950"},
};

static const struct row has_tables[] = {
    {"t:([]s:`a`b`a;v:1 2 3)", "::"},
    {"t", "+`s`v!(`a`b`a;1 2 3)"},
    {"select from t where v>1", "+`s`v!(`b`a;2 3)"},
    {"select sum v by s from t", "(+(,`s)!,`a`b)!+(,`v)!,4 2"},
    {"select s,w:v*2 from t", "+`s`w!(`a`b`a;2 4 6)"},
    {"exec v from t", "1 2 3"},
    {"exec v by s from t", "`a`b!(1 3;,2)"},
    {"`t insert (`c;4)", ",3"},
    {"count t", "4"},
    {"t", "+`s`v!(`a`b`a`c;1 2 3 4)"},
    {"k:([id:1 2] n:`x`y; p:1.5 2.5)", "::"},
    {"k", "(+(,`id)!,1 2)!+`n`p!(`x`y;1.5 2.5)"},
    {"`k upsert (1;`z;9.0)", "`k"},
    {"`k upsert ([]id:3 4;n:`q`r;p:1 2f)", "`k"},
    {"k", "(+(,`id)!,1 2 3 4)!+`n`p!(`z`y`q`r;9 2.5 1 2)"},
    {"k 3", "`n`p!(`q;1f)"},
    {"k[4;`p]", "2f"},
};

static const struct row raises_and_traps[] = {
    {"1+`a", "'type"},
    {"1 2+1 2 3", "'length"},
    {"foo", "'foo"},
    {"'`bang", "'bang"},
    {"@[{1+x};`a;{\"caught \",x}]", "\"caught type\""},
    {".[{x+y};(1;2);0N]", "3"},
};

static const struct row reads_literals[] = {
    {"2020.01.01+1", "2020.01.02"},
    {"2020.01.01D12:00:00", "2020.01.01D12:00:00.000000000"},
    {".z.d>2020.01.01", "1b"},
    {"0Np", "0Np"},
    {"0N 1 0W", "0N 1 0W"},
    {"1.5 0n 0w", "1.5 0n 0w"},
    {"\"abc\"", "\"abc\""},
};

static const struct row has_dictionaries_and_control[] = {
    {"`a`b!1 2", "`a`b!1 2"},
    {"(`a`b!1 2)`b", "2"},
    {"{$[x>0;`pos;x<0;`neg;`zero]} each -1 0 1", "`neg`zero`pos"},
    {"{r:0; do[3;r+:x]; r} 5", "15"},
    {"{i:0; while[i<10;i+:3]; :i; 5}[]", "12"},
};

static const struct row casts_and_joins[] = {
    {"\"j\"$3.7", "4"},
    {"\"J\"$\"12\"", "12"},
    {"`$\"hello\"", "`hello"},
    {"string `abc", "\"abc\""},
    {"string 1 2 3", "(,\"1\";,\"2\";,\"3\")"},
    {"upper \"abc\"", "\"ABC\""},
    {"raze (1 2;3 4)", "1 2 3 4"},
    {"first 1 2 3", "1"},
    {"distinct 1 2 1", "1 2"},
    {"`int$5", "5i"},
    {"0x0102", "0x0102"},
    {"10b", "10b"},
    {"101b", "101b"},
};

static const struct row queries_tables[] = {
    {"t:([]s:`a`b`a`c;v:1 2 3 4)", "::"},
    {"k:([id:1 2 3 4] n:`z`y`q`r; p:9 2.5 1 2)", "::"},
    {"update v:v*10 from t where s=`a", "+`s`v!(`a`b`a`c;10 2 30 4)"},
    {"delete from t where v=1", "+`s`v!(`b`a`c;2 3 4)"},
    {"`a in `a`b", "1b"},
    {"count each (1 2;3)", "2 1"},
    {"meta t", "(+(,`c)!,`s`v)!+`t`f`a!(\"sj\";``;``)"},
    {"select from k where p>1", "(+(,`id)!,1 2 4)!+`n`p!(`z`y`r;9 2.5 2)"},
    {"x:til 10", "::"},
    {"x[2]:100", "::"},
    {"x", "0 1 100 3 4 5 6 7 8 9"},
    {"1 2 3 4@1 2", "2 3"},
    {"value \"1+2\"", "3"},
    {"(1;`a;\"str\")", "(1;`a;\"str\")"},
    {"()", "()"},
    {"select count i by s from t", "(+(,`s)!,`a`b`c)!+(,`x)!,2 1 1"},
    {"select max v,min v from t", "+`v`v1!(,4;,1)"},
    {"\"1+1", "'\""},
    {"f:{[a;b] a-b}", "::"},
    {"f[5;3]", "2"},
    {"`v xdesc t", "+`s`v!(`c`a`b`a;4 3 2 1)"},
    {"f . 1 2", "-1"},
    {"10#`a`b", "`a`b`a`b`a`b`a`b`a`b"},
    {"2_1 2 3", ",3"},
    {"1,2", "1 2"},
    {"\"a\",\"bc\"", "\"abc\""},
    {"flip `a`b!(1 2;3 4)", "+`a`b!(1 2;3 4)"},
    {"00:01:30", "00:01:30"},
    {"12:30", "12:30"},
    {"0D00:00:01", "0D00:00:01.000000000"},
    {"2020.03m", "2020.03m"},
    {"2020.01.01T12:00:00.000", "2020.01.01T12:00:00.000"},
    {"`t upsert ([]s:enlist `zz;v:enlist 99)", "`t"},
    {"last t", "`s`v!(`zz;99)"},
    {"neg 5", "-5"},
    {"5 mod 3", "2"},
    {"reverse 1 2 3", "3 2 1"},
    {"where 0101b", "1 3"},
    {"x:5 5", "::"},
    {"`z set 42", "`z"},
    {"z", "42"},
    {"type 1", "-7h"},
    {"type each (1h;1i;1f;1e;\"c\";`s;1b;0x01)", "-5 -6 -9 -8 -10 -11 -1 -4h"},
    {"not 1b", "0b"},
    {"3 in 1 2 3", "1b"},
};

static const struct row knows_sign_from_minus[] = {
    {"3 -1", "3 -1"},
    {"x:5", "::"},
    {"x-1", "4"},
    {"{x-1} 4", "3"},
    {"(1;2f;`c)", "(1;2f;`c)"},
    {"enlist 5", ",5"},
};

static const struct row searches_and_splits_text[] = {
    {"1 2 3 4 5 within 2 4", "01110b"},
    {"`abc like \"a*\"", "1b"},
    {"\",\" vs \"a,b,c\"", "(,\"a\";,\"b\";,\"c\")"},
    {"\"-\" sv (\"x\";\"y\")", "\"x-y\""},
    {"ssr[\"hello\";\"l\";\"L\"]", "\"heLLo\""},
    {"trim \"  ab \"", "\"ab\""},
    {"4$\"ab\"", "\"ab  \""},
    {"-4$\"ab\"", "\"  ab\""},
    {"\"D\"$\"2020.02.29\"", "2020.02.29"},
    {"\"P\"$\"2020.01.01D10:00:00\"", "2020.01.01D10:00:00.000000000"},
    {"\"F\"$(\"1.5\";\"x\")", "1.5 0n"},
    {"`long$1.5 2.5", "2 3"},
    {"`date$2020.01.01D10:00:00", "2020.01.01"},
    {"`time$2020.01.01D10:00:00", "10:00:00.000"},
};

static const struct row counts_with_times[] = {
    {"2020.01.02-2020.01.01", "1i"},
    {"2020.01.01+12:00", "2020.01.01D12:00:00.000000000"},
    {"10:00+00:30", "10:30"},
    {"1%0", "0w"},
    {"-1%0", "-0w"},
    {"0%0", "0n"},
    {"5 div 2", "2"},
    {"-5 mod 3", "1"},
    {"7 xbar 10 15 22", "7 14 21"},
    {"1 2 3!`a`b`c", "1 2 3!`a`b`c"},
    {"(`a`b!1 2)+`b`c!10 20", "`a`b`c!1 12 20"},
};

static const struct row amends[] = {
    {"d:`a`b!(1 2;3)", "::"},
    {"d`a", "1 2"},
    {"d[`c]:5", "::"},
    {"d", "`a`b`c!(1 2;3;5)"},
    {"group `a`b`a", "`a`b!(0 2;,1)"},
    {"asc 3 1 2", "1 2 3"},
    {"iasc 3 1 2", "1 2 0"},
};

static const struct row iterates[] = {
    {"(til 3)+\\:10 20", "(10 20;11 21;12 22)"},
    {"1 2+/:10 20", "(11 12;21 22)"},
    {"{x+2*y}/[1;2 3]", "11"},
    {"{x%2}\\[3;8.]", "8 4 2 1f"},
    {"(+)[1;2]", "3"},
    {".[+;(1;2)]", "3"},
    {"@[1 2 3;1;:;10]", "1 10 3"},
    {"@[1 2 3;0 2;+;10]", "11 2 13"},
    {"l:1 2 3", "::"},
    {"l[1]+:5", "::"},
    {"l", "1 7 3"},
};

static const struct row aggregates[] = {
    {"deltas 1 3 6", "1 2 3"},
    {"prev 1 2 3", "0N 1 2"},
    {"fills 1 0N 3", "1 1 3"},
    {"0^1 0N 3", "1 0 3"},
    {"max 3 0N 5", "5"},
    {"avg 1 2 3 4", "2.5"},
    {"med 1 2 3 4", "2.5"},
    {"dev 2 4 4 4 5 5 7 9", "2f"},
    {"any 001b", "1b"},
    {"all 111b", "1b"},
    {"1 2 3~1 2 3", "1b"},
    {"1 2 3=1 5 3", "101b"},
};

static const struct row takes_and_finds[] = {
    {"\"abc\"=\"abd\"", "110b"},
    {"`a`b?`b", "1"},
    {"(1 2 3)?2", "1"},
    {"-3#til 10", "7 8 9"},
    {"2 3#til 6", "(0 1 2;3 4 5)"},
    {"-2_til 5", "0 1 2"},
    {"0 2_til 4", "(0 1;2 3)"},
    {"til[5]except 1 2", "0 3 4"},
    {"1 2 3 inter 2 3 4", "2 3"},
    {"1 2 union 2 3", "1 2 3"},
};

static const struct row applies[] = {
    {"first each (1 2;3 4)", "1 3"},
    {"max each (1 2;3 4)", "2 4"},
    {"count \"abc\"", "3"},
    {"{[a;b;c]a+b*c}[1;;3][2]", "7"},
    {"f:{$[x<2;x;f[x-1]+f[x-2]]}", "::"},
    {"f 15", "610"},
    {"{x}[1;2]", "'rank"},
    {"1 2 3[5]", "0N"},
    {"(1 2 3)[1]", "2"},
    {"`a`b`c 1", "`b"},
    {"null 1 0N", "01b"},
    {"not 1 0", "01b"},
    {"string 1.5", "\"1.5\""},
    {"string 2020.01.01", "\"2020.01.01\""},
    {"value (`f;5)", "5"},
    {"value ({x+y};1;2)", "3"},
    {"value \"`a`b\"", "`a`b"},
};

static const struct row signals[] = {
    {"f:{$[x<2;x;f[x-1]+f[x-2]]}", "::"},
    {".[`nofunc;1 2;{x}]", "'nofunc"},
    {"@[value;\"1+`\";{x}]", "\"type\""},
    {"'\"text error\"", "'text error"},
    {"{'`sig}[]", "'sig"},
    {"{'\"x \",string x} 5", "'x 5"},
    {"{if[x>1;:`big];`small} 5", "`big"},
};

static const struct row groups_and_orders_tables[] = {
    {"t:([]a:1 2 3;b:`x`y`x;c:1.5 2.5 3.5)", "::"},
    {"select sum a,avg c by b from t", "(+(,`b)!,`x`y)!+`a`c!(4 2;2.5 2.5)"},
    {"exec a from t where b=`x", "1 3"},
    {"exec sum a from t", "6"},
    {"exec a,c from t", "`a`c!(1 2 3;1.5 2.5 3.5)"},
    {"select from t where a in 1 3,c>2", "+`a`b`c!(,3;,`x;,3.5)"},
    {"select a+1 from t", "+(,`a)!,2 3 4"},
    {"select d:a*c,b from t where a>1", "+`d`b!(5 10.5;`y`x)"},
    {"update d:a*2 from t", "+`a`b`c`d!(1 2 3;`x`y`x;1.5 2.5 3.5;2 4 6)"},
    {"update s:sum a by b from t", "+`a`b`c`s!(1 2 3;`x`y`x;1.5 2.5 3.5;4 2 4)"},
    {"delete c from t", "+`a`b!(1 2 3;`x`y`x)"},
    {"`a xdesc t", "+`a`b`c!(3 2 1;`x`y`x;3.5 2.5 1.5)"},
    {"`b xkey t", "(+(,`b)!,`x`y`x)!+`a`c!(1 2 3;1.5 2.5 3.5)"},
    {"cols t", "`a`b`c"},
    {"keys `b xkey t", ",`b"},
    {"t`a", "1 2 3"},
    {"t[1]", "`a`b`c!(2;`y;2.5)"},
    {"t[`a`b]", "(1 2 3;`x`y`x)"},
    {"t[0;`b]", "`x"},
    {"first t", "`a`b`c!(1;`x;1.5)"},
    {"select count i from t", "+(,`x)!,,3"},
    {"count select from t where b=`nope", "0"},
    {"kt:`b xkey select last a by b from t", "::"},
    {"kt", "(+(,`b)!,`x`y)!+(,`a)!,3 2"},
    {"kt[`x]", "(,`a)!,3"},
    {"kt[`x;`a]", "3"},
    {"kt`x", "(,`a)!,3"},
    {"`b`a xcols t", "+`b`a`c!(`x`y`x;1 2 3;1.5 2.5 3.5)"},
    {"t,t", "+`a`b`c!(1 2 3 1 2 3;`x`y`x`x`y`x;1.5 2.5 3.5 1.5 2.5 3.5)"},
    {"t,([]a:enlist 9;b:enlist `q;c:enlist 0n)", "+`a`b`c!(1 2 3 9;`x`y`x`q;1.5 2.5 3.5 0n)"},
    {"(select from t) lj kt", "+`a`b`c!(3 2 3;`x`y`x;1.5 2.5 3.5)"},
    {"flip t", "`a`b`c!(1 2 3;`x`y`x;1.5 2.5 3.5)"},
    {"meta ([]s:(\"ab\";\"c\"))", "(+(,`c)!,,`s)!+`t`f`a!(,\"C\";,`;,`)"},
};

static const struct row inserts_and_upserts[] = {
    {"e:([]a:`int$();b:`symbol$())", "::"},
    {"`e insert (1i;`x)", ",0"},
    {"`e insert (1j;`x)", "'type"},
    {"e", "+`a`b!(,1i;,`x)"},
    {"`e insert (1 2i;`y`z)", "1 2"},
    {"`e upsert (`a`b!(7i;`w))", "`e"},
    {"e", "+`a`b!(1 1 2 7i;`x`y`z`w)"},
    {"ungroup ([]a:1 2;b:(1 2;3 4))", "+`a`b!(1 1 2 2;1 2 3 4)"},
    {"`kk set ([id:`long$()]v:`float$())", "`kk"},
    {"`kk upsert (1;1.5)", "`kk"},
    {"`kk upsert (1;2.5)", "`kk"},
    {"`kk insert (1;3.5)", "'insert"},
    {"`kk upsert ([id:2 3]v:7 8f)", "`kk"},
    {"kk", "(+(,`id)!,1 2 3)!+(,`v)!,2.5 7 8"},
    {"delete from `kk where id=2", "`kk"},
    {"kk", "(+(,`id)!,1 3)!+(,`v)!,2.5 8"},
};

static const struct row has_odds_and_ends[] = {
    {"\\t 100", "::"},
    {"system \"t\"", "100i"},
    {"type {x}", "100h"},
    {"type (+)", "102h"},
    {"type (::)", "101h"},
    {"type ()", "0h"},
    {"1;2", "2"},
    {"a:1;a+1", "2"},
    {".z.K", "4f"},
    {"{[]7}[]", "7"},
    {"0x00ff", "0x00ff"},
    {"0b", "0b"},
    {"not `a", "'type"},
    {"2 xexp 3", "8f"},
    {"string `a`b", "(,\"a\";,\"b\")"},
    {"lower `ABC", "`abc"},
    {"1_\"abc\"", "\"bc\""},
    {"`a,`b", "`a`b"},
    {"1 2,\\:3", "(1 3;2 3)"},
    {"raze string 1 2", "\"12\""},
    {"\"abc\" 1", "\"b\""},
    {"`x`y!(1;2 3)", "`x`y!(1;2 3)"},
    {"x:1 2 3; x[1]:`a", "'type"},
    {"([]a:1 2 3;b:1 2)", "'length"},
    {"sum ([]a:1 2;b:3 4)", "`a`b!3 7"},
    {"1,2 3,4", "1 2 3 4"},
    {"\"a\\nb\"", "\"a\\nb\""},
    {"0Wh", "0Wh"},
    {"-0W 0W", "-0W 0W"},
    {"1e", "1e"},
    {"2.", "2f"},
    {".5", "0.5"},
};

static const struct row reads_its_own_bytes[] = {
    {"-8!1i", "0x010000000d000000fa01000000"},
    {"-9!-8!(1;`a;\"str\";1 2 3;`a`b!1 2;([]a:1 2;b:`x`y))", "(1;`a;\"str\";1 2 3;`a`b!1 2;+`a`b!(1 2;`x`y))"},
    {"-9!-8!2020.01.01D12:00:00", "2020.01.01D12:00:00.000000000"},
    {"-9!-8!([k:1 2]v:3 4f)", "(+(,`k)!,1 2)!+(,`v)!,3 4f"},
    {"(-9!-8!{x+y})[1;2]", "3"},
    {"-9!0x010000000f000000", "'badmsg"},
    {"-9!-8!0Ng", "00000000-0000-0000-0000-000000000000"},
    {"-3!([]a:1 2)", "\"+(,`a)!,1 2\""},
    {"-9!-8!(1b;0x01;1h;1i;1e;1f;\"c\";`s;2020.03m;2020.01.01;12:30;12:30:00;12:30:00.001;0D01;0Np)", "(1b;0x01;1h;1i;1e;1f;\"c\";`s;2020.03m;2020.01.01;12:30;12:30:00;12:30:00.001;0D01:00:00.000000000;0Np)"},
};

/* clang-format on */

#define LANGUAGE(promise)                                           \
    QLT(language, promise)                                          \
    {                                                               \
        expect_rows(promise, sizeof(promise) / sizeof(promise[0])); \
    }

LANGUAGE(evaluates_right_to_left)
LANGUAGE(has_tables)
LANGUAGE(raises_and_traps)
LANGUAGE(reads_literals)
LANGUAGE(has_dictionaries_and_control)
LANGUAGE(casts_and_joins)
LANGUAGE(queries_tables)
LANGUAGE(knows_sign_from_minus)
LANGUAGE(searches_and_splits_text)
LANGUAGE(counts_with_times)
LANGUAGE(amends)
LANGUAGE(iterates)
LANGUAGE(aggregates)
LANGUAGE(takes_and_finds)
LANGUAGE(applies)
LANGUAGE(signals)
LANGUAGE(groups_and_orders_tables)
LANGUAGE(inserts_and_upserts)
LANGUAGE(has_odds_and_ends)
LANGUAGE(reads_its_own_bytes)
