/* SPDX-License-Identifier: Apache-2.0 */
/* "-9", "-KILL", "-SIGKILL", case aside: the forms that kill(1) takes before a process number. */
#include "policy/signal-name.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
        const char *name;
        int number;
} names[] = {
        { "ABRT", SIGABRT },   { "ALRM", SIGALRM }, { "BUS", SIGBUS },   { "CHLD", SIGCHLD },
        { "CONT", SIGCONT },   { "FPE", SIGFPE },   { "HUP", SIGHUP },   { "ILL", SIGILL },
        { "INT", SIGINT },     { "IO", SIGIO },     { "KILL", SIGKILL }, { "PIPE", SIGPIPE },
        { "POLL", SIGPOLL },   { "PROF", SIGPROF }, { "PWR", SIGPWR },   { "QUIT", SIGQUIT },
        { "SEGV", SIGSEGV },   { "STOP", SIGSTOP }, { "SYS", SIGSYS },   { "TERM", SIGTERM },
        { "TRAP", SIGTRAP },   { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
        { "URG", SIGURG },     { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "VTALRM", SIGVTALRM },
        { "WINCH", SIGWINCH }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
};

/**
 * signal_name_parse() - the number of a signal
 * @option: a dash, and its number or name
 *
 * Return: the number, 0 to 64 (0 tests whether the process is there), or -1
 */
int signal_name_parse(const char *option)
{
        const char *name = option + 1;
        int number = 0;
        size_t i;

        if (option[0] != '-' || !*name)
                return -1;
        if (strspn(name, "0123456789") == strlen(name)) {
                if (strlen(name) > 2)
                        return -1;
                for (; *name; name++)
                        number = number * 10 + (*name - '0');
                return number <= 64 ? number : -1;
        }
        if (strncasecmp(name, "SIG", 3) == 0)
                name += 3;
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcasecmp(names[i].name, name) == 0)
                        return names[i].number;
        return -1;
}
