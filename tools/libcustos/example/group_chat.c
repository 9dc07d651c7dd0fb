/* group_chat GROUP: what is typed goes to all members of the group; what they say, and who comes and goes, is printed.
 *
 * Build it outside of this tree with: cc group_chat.c $(pkg-config --cflags --libs libcustos)
 */
#include <custos.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_changes(const custos_change *changes, size_t count, const char *what) {
    for (size_t i = 0; i < count; ++i) {
        printf("* node %u pid %u %s: %s\n", changes[i].who.node, changes[i].who.pid, what,
               custos_reason_text(changes[i].reason));
    }
}

static void print_event(const custos_event *event) {
    if (event->kind == CUSTOS_EVENT_MESSAGE) {
        printf("node %u pid %u: %.*s\n", event->sender.node, event->sender.pid, (int)event->payload_size,
               (const char *)event->payload);
    } else if (event->kind == CUSTOS_EVENT_VIEW) {
        print_changes(event->left, event->left_count, "left");
        print_changes(event->joined, event->joined_count, "came");
        printf("* %zu members\n", event->member_count);
    } else if (event->kind == CUSTOS_EVENT_REFUSED) {
        printf("* not joined: %s\n", event->text);
    }
    fflush(stdout);
}

/* Whoever is not let through waits for the event that says that there is credit again. */
static int say(custos_client *client, const char *group, const char *line, size_t size) {
    for (;;) {
        const int sent = custos_send(client, group, strlen(group), line, size, CUSTOS_AGREED);
        if (sent != CUSTOS_NO_CREDIT) return sent;
        const custos_event *event = NULL;
        const int got = custos_next(client, -1, &event);
        if (got == CUSTOS_OK) print_event(event);
        if (got != CUSTOS_OK && got != CUSTOS_SYSTEM) return got;
    }
}

static int chat(custos_client *client, const char *group) {
    int result = custos_join(client, group, strlen(group));
    struct pollfd watched[2] = {{STDIN_FILENO, POLLIN, 0}, {custos_fd(client), POLLIN, 0}};
    while (result == CUSTOS_OK && poll(watched, 2, -1) >= 0) {
        if (watched[0].revents != 0) {
            char line[4096];
            const ssize_t size = read(STDIN_FILENO, line, sizeof line);
            if (size <= 0) return CUSTOS_OK;
            result = say(client, group, line, (size_t)size - (line[size - 1] == '\n'));
        }
        if (watched[1].revents != 0 && result == CUSTOS_OK) {
            const custos_event *event = NULL;
            result = custos_next(client, 0, &event);
            if (result == CUSTOS_OK) print_event(event);
            if (result == CUSTOS_NONE) result = CUSTOS_OK;
        }
    }
    return result;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: group_chat GROUP\n");
        return 2;
    }
    custos_client *client = NULL;
    int result = custos_connect(NULL, 0, &client);
    if (result == CUSTOS_OK) result = chat(client, argv[1]);
    if (result != CUSTOS_OK) fprintf(stderr, "group_chat: %s\n", custos_error(client));
    custos_close(client);
    return result == CUSTOS_OK ? 0 : 1;
}
