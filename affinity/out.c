#include "affinity/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool make_room(qli_out *out, size_t more)
{
    if (out->failed || out->length + more < out->size)
        return !out->failed;
    size_t size = (out->length + more + 1) * 2;
    char *grown = realloc(out->text, size);
    out->failed = !grown;
    if (grown) {
        out->text = grown;
        out->size = size;
    }
    return !out->failed;
}

void qli_out_add(qli_out *out, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && make_room(out, (size_t)length)) {
        vsnprintf(out->text + out->length, out->size - out->length, format, again);
        out->length += (size_t)length;
    }
    va_end(again);
}

/* The length of the UTF-8 character at `text`, or 0 when there is none. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xc2 ? 0
                    : text[0] < 0xe0 ? 2
                    : text[0] < 0xf0 ? 3
                    : text[0] < 0xf5 ? 4
                                     : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool beyond = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
    return overlong || beyond ? 0 : length;
}

void qli_out_json(qli_out *out, const char *text)
{
    qli_out_add(out, "\"");
    for (size_t length; *text; text += length ? length : 1) {
        length = utf8_length((const unsigned char *)text);
        if (length == 0)
            qli_out_add(out, "?");
        else if (*text == '"' || *text == '\\')
            qli_out_add(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            qli_out_add(out, "\\u%04x", (unsigned)*text);
        else
            qli_out_add(out, "%.*s", (int)length, text);
    }
    qli_out_add(out, "\"");
}

void qli_out_xml(qli_out *out, const char *text)
{
    for (size_t length; *text; text += length ? length : 1) {
        length = utf8_length((const unsigned char *)text);
        if (length == 0 || ((unsigned char)*text < ' ' && *text != '\n' && *text != '\t'))
            qli_out_add(out, "?");
        else if (*text == '<')
            qli_out_add(out, "&lt;");
        else if (*text == '>')
            qli_out_add(out, "&gt;");
        else if (*text == '&')
            qli_out_add(out, "&amp;");
        else if (*text == '"')
            qli_out_add(out, "&quot;");
        else
            qli_out_add(out, "%.*s", (int)length, text);
    }
}

char *qli_out_take(qli_out *out)
{
    if (!out->text)
        qli_out_add(out, "%s", "");
    if (out->failed) {
        free(out->text);
        out->text = NULL;
    }
    return out->text;
}
