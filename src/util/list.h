/* SPDX-License-Identifier: Apache-2.0 */
/* A doubly linked list whose links are embedded in what it links. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A list's head, and each of its links. A link that is zeroed is in no list. */
struct list {
        struct list *next;
        struct list *previous;
};

static inline void list_init(struct list *head)
{
        head->next = head;
        head->previous = head;
}

static inline bool list_is_empty(const struct list *head)
{
        return head->next == head;
}

static inline void list_append(struct list *head, struct list *link)
{
        link->next = head;
        link->previous = head->previous;
        head->previous->next = link;
        head->previous = link;
}

/* Takes a link out of its list; one that is in none stays so. */
static inline void list_remove(struct list *link)
{
        if (!link->next)
                return;
        link->next->previous = link->previous;
        link->previous->next = link->next;
        *link = (struct list){ .next = NULL };
}

/* What a link is embedded in, or NULL where the list has no such link. */
#define list_entry(head, link, type, member) \
        ((link) == (head) ? NULL : (type *)(void *)((char *)(link)-offsetof(type, member)))
#define list_first(head, type, member)       list_entry((head), (head)->next, type, member)
#define list_next(head, entry, type, member) list_entry((head), (entry)->member.next, type, member)
