/*
 * Doubly linked circular lists, their nodes inside the objects that they link.
 *
 *      head <-> a.node <-> b.node <-> head          empty: head <-> head
 *
 * The head is a node too. A node is on at most one list; what is not on a list
 * is undefined unless list_init() was called for it.
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include "kernel/lib/types.h"

struct list_node {
	struct list_node *next, *prev;
};

#define LIST_HEAD(name) struct list_node name = {&(name), &(name)}

static inline void list_init(struct list_node *head)
{
	head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list_node *head)
{
	return head->next == head;
}

/* Puts node between pos and the one that follows it: at the front, if pos is the head. */
static inline void list_add(struct list_node *pos, struct list_node *node)
{
	node->next = pos->next;
	node->prev = pos;
	pos->next->prev = node;
	pos->next = node;
}

/* Puts node before pos: at the end, if pos is the head. */
static inline void list_add_tail(struct list_node *pos, struct list_node *node)
{
	list_add(pos->prev, node);
}

/* => node is on no list; its own links are undefined. */
static inline void list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

/* Visits each node from front to back; `it` must stay on the list during its turn. */
#define list_for_each(it, head)                                                                    \
	for (struct list_node *it = (head)->next; it != (head); it = it->next)

#endif
