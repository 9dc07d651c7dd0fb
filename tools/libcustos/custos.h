/* libcustos: process groups of a Custos cluster, for programs. C API; custos.hpp has the same for C++.
 *
 * A program connects to the custosd of its node, joins groups by name, and multicasts to them. All members of
 * a group, on all nodes, get the same messages and the same views of who is a member, in the same order.
 * docs/groups.md has the guarantees.
 *
 * There are no callbacks and no threads: custos_next() gives the next event. For an event loop, watch
 * custos_fd() for reading and call custos_next(client, 0, ...) once for each event until it says CUSTOS_NONE;
 * the descriptor stays readable while an event is left, so that taking one at a time is fine, too.
 *
 * A client is used by one thread at a time, and not by a child after fork(). Several clients of one process
 * know nothing of each other. Names of groups are 1 to CUSTOS_MAX_NAME bytes of any value. Link with
 * `pkg-config --libs libcustos`.
 */
#ifndef CUSTOS_H
#define CUSTOS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CUSTOS_MAX_NAME 128u
#define CUSTOS_MAX_MESSAGE 4193280u /* bytes: 4 MiB less 1 KiB */
#define CUSTOS_DEFAULT_SOCKET "/run/custos/groups.sock"

/* What functions return. 0 is success; custos_error() tells in words what else happened. */
enum custos_result {
    CUSTOS_OK = 0,
    CUSTOS_NONE = 1,      /* no event in that time */
    CUSTOS_NO_CREDIT = 2, /* not now: goes when CUSTOS_EVENT_CREDIT comes */
    CUSTOS_INVALID = 3,   /* an argument is wrong */
    CUSTOS_CONFLICT = 4,  /* is a member already, or is none; a member of too many groups */
    CUSTOS_DENIED = 5,    /* this user may not connect, or the socket is not custosd's */
    CUSTOS_ABSENT = 6,    /* no custosd here, or it has no ring yet: try later */
    CUSTOS_LOST = 7,      /* the connection has ended: cut off, or custosd has ended. Close the client. */
    CUSTOS_NO_MEMORY = 8,
    CUSTOS_SYSTEM = 9 /* the operating system said no */
};

/* Flags of custos_connect(). */
#define CUSTOS_RING_VIEWS 1u /* CUSTOS_EVENT_RING comes, too: the present ring at once, then each change */

typedef struct custos_client custos_client;

/* A member of a group: a connection of a process of a node. `incarnation` and `client` tell it from all that
 * were before it. */
typedef struct custos_member {
    uint64_t incarnation; /* of the node's custosd */
    uint64_t client;      /* of the connection */
    uint32_t node;        /* nodeid */
    uint32_t pid;         /* as the kernel of that node tells it */
} custos_member;

/* Why somebody joined or left. */
enum custos_reason {
    CUSTOS_JOIN = 0,         /* asked to */
    CUSTOS_LEAVE = 1,        /* asked to, or closed its client */
    CUSTOS_PROCESS_DIED = 2, /* the process ended, or closed its connection without a word */
    CUSTOS_CUT_OFF = 3,      /* did not take what it was given */
    CUSTOS_NODE_DOWN = 4,    /* its node is not in our ring any more, or was elsewhere meanwhile */
    CUSTOS_NODE_UP = 5       /* came with a node that was not with us */
};

typedef struct custos_change {
    custos_member who;
    uint32_t reason; /* enum custos_reason */
    uint32_t reserved;
} custos_change;

/* A place in the cluster's order: the same for all members; compare `ring` first, then `sequence`. */
typedef struct custos_place {
    uint64_t ring; /* grows from ring to ring; `representative` and `digest` tell rings of two sides apart */
    uint64_t digest;
    uint64_t sequence;
    uint32_t representative;
    uint32_t reserved;
} custos_place;

enum custos_event_kind {
    CUSTOS_EVENT_MESSAGE = 1, /* group, sender, payload */
    CUSTOS_EVENT_VIEW = 2,    /* group, members, left, joined */
    CUSTOS_EVENT_RING = 3,    /* nodes */
    CUSTOS_EVENT_CREDIT = 4,  /* after CUSTOS_NO_CREDIT: there is credit again */
    CUSTOS_EVENT_REFUSED = 5  /* group, text: a join was not done */
};

/* An event. What its kind does not name is 0. Pointers hold until the next call with this client. Later
 * releases may append fields. */
typedef struct custos_event {
    uint32_t kind; /* enum custos_event_kind; ignore those that you do not know */
    /* Of messages and views. Not 0: the ring breaks up at this moment, and nodes that were in it may not get
     * this event: note it, but wait for the next view before you act outside of the group. */
    uint32_t transitional;
    custos_place place;
    const char *group; /* not terminated by 0 */
    size_t group_size;
    custos_member sender;
    const void *payload;
    size_t payload_size;
    const custos_member *members; /* in the order of their joins; the same at all */
    size_t member_count;
    const custos_change *left;
    size_t left_count;
    const custos_change *joined;
    size_t joined_count;
    const custos_member *nodes; /* of the ring; `client` and `pid` are 0 */
    size_t node_count;
    const char *text; /* for a person */
} custos_event;

/* Connects to the custosd of this node: at `socket`, or CUSTOS_DEFAULT_SOCKET if that is null. Waits for its
 * answer (a moment; 10 s at most). `*client` is made also when this fails, unless memory is short: ask
 * custos_error() why, then custos_close() it.
 * CUSTOS_ABSENT, CUSTOS_DENIED, CUSTOS_LOST (turned away: a quota), CUSTOS_SYSTEM, CUSTOS_NO_MEMORY. */
int custos_connect(const char *socket, unsigned flags, custos_client **client);

/* Says goodbye: it leaves all its groups. Null is fine. In a child after fork() it frees the child's copy, and
 * the parent stays where it is. */
void custos_close(custos_client *client);

/* To be watched for reading, and nothing else; -1 without a connection. A connected Unix socket, so that
 * SO_PEERCRED tells who the daemon is. Belongs to the client. */
int custos_fd(const custos_client *client);

/* Who this client is as a member of groups. */
custos_member custos_self(const custos_client *client);

/* Both take effect when they are ordered, with a view (of a leave it is the last event of that group).
 * CUSTOS_CONFLICT, CUSTOS_NO_CREDIT, CUSTOS_INVALID, CUSTOS_LOST. */
int custos_join(custos_client *client, const char *group, size_t group_size);
int custos_leave(custos_client *client, const char *group, size_t group_size);

enum custos_guarantee {
    CUSTOS_AGREED = 0, /* all members get it in the same order */
    CUSTOS_SAFE = 1    /* and nobody before all their nodes have it */
};

/* To all members of the group, this client included if it is one; it need not be. The bytes are copied.
 * Messages of one client keep their order. Whoever is a member when the message is ordered gets it, or leaves
 * the group.
 * A client may send while it has used up neither the bytes nor the messages of its credit; what it used up
 * comes back when the message was ordered. CUSTOS_NO_CREDIT: call again after CUSTOS_EVENT_CREDIT.
 * CUSTOS_INVALID (size, name), CUSTOS_LOST. */
int custos_send(custos_client *client, const char *group, size_t group_size, const void *payload, size_t size,
                enum custos_guarantee guarantee);

/* What may be sent now: messages, and bytes (of which the last message may take more). A message takes its
 * payload and 64 bytes. Either pointer may be null. */
void custos_credit(const custos_client *client, size_t *messages, size_t *bytes);

/* The next event, in order. Waits for it up to `timeout_ms`; 0: not at all; -1: for ever.
 * CUSTOS_OK: *event is it. CUSTOS_NONE, CUSTOS_LOST, CUSTOS_SYSTEM (also when a signal came: EINTR). */
int custos_next(custos_client *client, int timeout_ms, const custos_event **event);

/* The members of a group as of the last view of it that custos_next() gave. Holds until the next call with
 * this client. CUSTOS_CONFLICT: is no member. */
int custos_members(custos_client *client, const char *group, size_t group_size, const custos_member **members,
                   size_t *count);

/* What went wrong last, in words: for a person. Never null; holds until the next call with this client. */
const char *custos_error(const custos_client *client);

/* A word for an enum custos_reason: "process died". */
const char *custos_reason_text(uint32_t reason);

/* All groups of the cluster and their members, as of now: one after the other, each once. Needs no client: a
 * connection of its own is made (arguments and results as of custos_connect()). */
typedef struct custos_list custos_list;
int custos_list_groups(const char *socket, custos_list **list);
/* How many groups; the name and the members of one of them, by its number from 0 on. */
size_t custos_list_size(const custos_list *list);
const char *custos_list_name(const custos_list *list, size_t number, size_t *size);
const custos_member *custos_list_members(const custos_list *list, size_t number, size_t *count);
const char *custos_list_error(const custos_list *list);
void custos_list_free(custos_list *list);

#ifdef __cplusplus
}
#endif

#endif
