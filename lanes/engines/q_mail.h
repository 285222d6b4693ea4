/* The messages of one peer on their way to an executor: a list, and one task that hands out all that are in it, in order, and is
 * submitted whenever there are some and it is idle. */
#ifndef QLANE_LANES_ENGINES_Q_MAIL_H
#define QLANE_LANES_ENGINES_Q_MAIL_H

#include "qlane/q.h"

typedef struct qli_q_mail qli_q_mail;

/* On the lane, as all of these. NULL: no memory. */
qli_q_mail *qli_q_mail_create(ql_executor *on, ql_q_message_fn *fn, void *context, ql_q_peer peer);
/* Hand a message over. False: no memory, it is dropped. */
bool qli_q_mail_post(qli_q_mail *mail, ql_q_value *message);
/* The last call; it then frees itself. */
void qli_q_mail_end(qli_q_mail *mail);
/* Free one that was never posted to. */
void qli_q_mail_discard(qli_q_mail *mail);

#endif
