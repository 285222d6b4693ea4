/* The line protocol, as README.md says it: requests out of lines, replies into lines. Pure, and fuzzed. */
#ifndef EXAMPLES_SERVICE_PROTOCOL_H
#define EXAMPLES_SERVICE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REQUEST_LINE_MAX = 4096, /* bytes of a line, its end among them */
    KEY_MAX = 128,           /* bytes, unquoted */
    VALUE_MAX = 1024,
    REPLY_LINE_MAX = 2 * VALUE_MAX + 16 /* each byte escaped */
};

typedef enum request_verb {
    REQUEST_BAD, /* `problem` says why */
    REQUEST_PING,
    REQUEST_QUIT,
    REQUEST_COUNT, /* this one and the rest are for the engine */
    REQUEST_GET,
    REQUEST_PUT,
    REQUEST_ADD,
    REQUEST_DELETE
} request_verb;

typedef struct request_text {
    char *bytes;
    size_t length;
} request_text;

typedef struct request {
    request_verb verb;
    request_text key, value; /* in the line that was read */
    int64_t amount;
    const char *problem; /* static: a code word and a sentence */
} request;

/* Read a line, without its end; quoted words are unquoted in place, so the request lives as long as the line. */
request request_read(char *line, size_t length);

typedef enum reply_kind {
    REPLY_ERROR,  /* a code word and a sentence in `text` */
    REPLY_FAILED, /* the engine's words in `text` */
    REPLY_OK,
    REPLY_NONE,   /* no such key */
    REPLY_VALUE,  /* `text` */
    REPLY_NUMBER, /* `number` */
    REPLY_PONG,
    REPLY_BYE
} reply_kind;

typedef struct reply {
    reply_kind kind;
    const char *text;
    size_t length; /* of a value, at most VALUE_MAX; of an error the rest is left out */
    int64_t number;
} reply;

/* Write its line, at most REPLY_LINE_MAX bytes. Returns how many. */
size_t reply_write(const reply *written, char *line);

/* An integer as it is written: no sign but '-', no zeros in front. False: it is none, or beyond 64 bits. */
bool number_from(const char *bytes, size_t length, int64_t *number);
/* Returns how many bytes, at most 20; without a zero behind them. */
size_t number_to(int64_t number, char *bytes);

#endif
