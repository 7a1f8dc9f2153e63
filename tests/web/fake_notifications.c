/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A notification server for tests (Desktop Notifications Specification 1.2) on the session bus.
 *
 *   fake_notifications [CAPABILITY…]
 *
 * Prints one line for each call: "notify NUMBER TIMEOUT ACTIONS|SUMMARY|BODY", "close NUMBER".
 * Reads lines from stdin: "action NUMBER KEY" and "closed NUMBER REASON" emit the signals.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define NAME "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"

static char **capabilities;
static uint32_t last;

static int get_capabilities(sd_bus_message *m, void *user, sd_bus_error *error)
{
	sd_bus_message *r = NULL;

	(void)user;
	(void)error;
	if (sd_bus_message_new_method_return(m, &r) < 0 ||
	    sd_bus_message_append_strv(r, capabilities) < 0)
		return -1;
	sd_bus_send(NULL, r, NULL);
	sd_bus_message_unref(r);
	return 1;
}

static int notify(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const char *app, *icon, *summary, *body, *word;
	uint32_t replaces;
	int32_t timeout;
	char actions[256] = "";

	(void)user;
	(void)error;
	if (sd_bus_message_read(m, "susss", &app, &replaces, &icon, &summary, &body) < 0 ||
	    sd_bus_message_enter_container(m, 'a', "s") < 0)
		return -1;
	while (sd_bus_message_read(m, "s", &word) > 0)
		snprintf(actions + strlen(actions), sizeof actions - strlen(actions), "%s,",
			 word);
	if (sd_bus_message_exit_container(m) < 0 || sd_bus_message_skip(m, "a{sv}") < 0 ||
	    sd_bus_message_read(m, "i", &timeout) < 0)
		return -1;
	printf("notify %u %d %s|%s|%s\n", ++last, timeout, actions, summary, body);
	fflush(stdout);
	return sd_bus_reply_method_return(m, "u", last);
}

static int close_notification(sd_bus_message *m, void *user, sd_bus_error *error)
{
	uint32_t number;

	(void)user;
	(void)error;
	if (sd_bus_message_read(m, "u", &number) < 0)
		return -1;
	printf("close %u\n", number);
	fflush(stdout);
	sd_bus_emit_signal(sd_bus_message_get_bus(m), PATH, NAME, "NotificationClosed", "uu",
			   number, 3);
	return sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable table[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("GetCapabilities", "", "as", get_capabilities,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", notify, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("CloseNotification", "u", "", close_notification,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void obey(sd_bus *bus, char *line)
{
	char key[64];
	unsigned number, reason;

	if (sscanf(line, "action %u %63s", &number, key) == 2)
		sd_bus_emit_signal(bus, PATH, NAME, "ActionInvoked", "us", number, key);
	else if (sscanf(line, "closed %u %u", &number, &reason) == 2)
		sd_bus_emit_signal(bus, PATH, NAME, "NotificationClosed", "uu", number, reason);
	sd_bus_flush(bus);
}

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	char line[256];

	(void)argc;
	capabilities = argv + 1;
	if (sd_bus_open_user(&bus) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, PATH, NAME, table, NULL) < 0 ||
	    sd_bus_request_name(bus, NAME, 0) < 0)
		return 1;
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[2] = { { .fd = sd_bus_get_fd(bus), .events = POLLIN },
					 { .fd = 0, .events = POLLIN } };

		while (sd_bus_process(bus, NULL) > 0)
			;
		sd_bus_flush(bus);
		if (poll(fds, 2, -1) < 0 || (fds[1].revents & (POLLHUP | POLLERR)) != 0)
			break;
		if ((fds[1].revents & POLLIN) != 0) {
			if (fgets(line, sizeof line, stdin) == NULL)
				break;
			obey(bus, line);
		}
	}
	sd_bus_flush_close_unref(bus);
	return 0;
}
