/* views.c: joining what threads, stores and locks know. A view that travels with a store is a message: a copy
 * that is as long as there were locations when it was made; what it does not hold is 0. */
#include "wmm.h"

struct wmm_message {
    struct wmm_message *next_free;
    uint32_t length;
    uint32_t at[];
};

uint32_t wmm_location_count;

/* Messages by length in steps of STEP, to be used again. */
enum { STEP = 16 };
static struct wmm_message *free_messages[WMM_LOCATIONS / STEP + 1];

void wmm_clock_join(wmm_clock *into, const wmm_clock *from)
{
    for (int i = 0; i < wmm_thread_count; i++)
        wmm_raise(&into->at[i], from->at[i]);
}

void wmm_view_join(wmm_view *into, const wmm_view *from)
{
    for (uint32_t i = 0; i < wmm_location_count; i++)
        wmm_raise(&into->at[i], from->at[i]);
}

void wmm_view_join_message(wmm_view *into, const struct wmm_message *from)
{
    for (uint32_t i = 0; from && i < from->length; i++)
        wmm_raise(&into->at[i], from->at[i]);
}

struct wmm_message *wmm_message_new(const wmm_view *from)
{
    uint32_t class = wmm_location_count / STEP;
    struct wmm_message *message = free_messages[class];
    if (message)
        free_messages[class] = message->next_free;
    else
        message = wmm_own_memory(sizeof *message + (class + 1) * STEP * sizeof message->at[0]);
    message->length = wmm_location_count;
    for (uint32_t i = 0; i < message->length; i++)
        message->at[i] = from->at[i];
    return message;
}

void wmm_message_join(struct wmm_message *into, const struct wmm_message *from)
{
    for (uint32_t i = 0; from && i < from->length; i++)
        wmm_raise(&into->at[i], from->at[i]);
}

void wmm_message_set(struct wmm_message *message, uint32_t location, uint32_t stamp)
{
    if (location < message->length)
        wmm_raise(&message->at[location], stamp);
}

void wmm_message_free(struct wmm_message *message)
{
    if (!message)
        return;
    uint32_t class = message->length / STEP;
    message->next_free = free_messages[class];
    free_messages[class] = message;
}
