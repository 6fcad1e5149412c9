/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three ways to a daemon. The third is a service's own: its configuration file, which
 * oslo.config reads too, says whether there is one. It is the service's file, not root's, so nobody
 * is distrusted here: what may run is decided on the other side.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/answer.h"
#include "client/handle.h"
#include "config/ini.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/complaint.h"
#include "util/file.h"

/* What a service may be called: its name stands in names of programs and files. */
#define SERVICE_BYTES_MAX 64

struct service {
        bool use_daemon;
        char *config; /* owned */
};

static int fail(int r, const char *detail)
{
        answer_note(r, detail);
        return r;
}

/* Return: 0 or negative errno */
static int finish(struct rootwrap *handle, struct rootwrap **ret_rootwrap)
{
        if (!handle->label)
                handle->label = strdup("rootwrap");
        if (!handle->label) {
                rootwrap_close(handle);
                return fail(-ENOMEM, NULL);
        }
        *ret_rootwrap = handle;
        return 0;
}

/* Return: 0 or negative errno */
static int open_words(enum handle_way way,
                      const char *const *argv,
                      size_t n_words,
                      struct rootwrap **ret_handle)
{
        struct rootwrap *handle;
        int r;

        r = handle_new(way, &handle);
        if (r)
                return r;
        r = handle_copy_words(argv, n_words, &handle->argv);
        if (r) {
                rootwrap_close(handle);
                return r;
        }
        *ret_handle = handle;
        return 0;
}

/**
 * rootwrap_open_command() - see librootwrap(3)
 * @argv:         starts a daemon
 * @ret_rootwrap: the handle, closed by rootwrap_close()
 *
 * Return: 0 or negative errno
 */
int rootwrap_open_command(const char *const *argv, struct rootwrap **ret_rootwrap)
{
        struct rootwrap *handle;
        size_t n = 0;
        int r;

        while (argv && argv[n])
                n++;
        if (!n)
                return fail(-EINVAL, NULL);
        r = open_words(HANDLE_DAEMON, argv, n, &handle);
        return r ? fail(r, NULL) : finish(handle, ret_rootwrap);
}

/**
 * rootwrap_open_socket() - see librootwrap(3)
 * @path:         of a host service's socket
 * @ret_rootwrap: the handle, closed by rootwrap_close()
 *
 * Return: 0 or negative errno
 */
int rootwrap_open_socket(const char *path, struct rootwrap **ret_rootwrap)
{
        struct rootwrap *handle;
        int r;

        if (!path || !*path)
                return fail(-EINVAL, NULL);
        r = handle_new(HANDLE_SOCKET, &handle);
        if (r)
                return fail(r, NULL);
        handle->path = strdup(path);
        if (!handle->path) {
                rootwrap_close(handle);
                return fail(-ENOMEM, NULL);
        }
        return finish(handle, ret_rootwrap);
}

/* A service's configuration */

/* As oslo.config's BoolOpt. Return: 0 or -EINVAL */
static int parse_bool(const char *value, bool *ret_value)
{
        static const char *const yes[] = { "true", "1", "yes", "on" };
        static const char *const no[] = { "false", "0", "no", "off" };
        size_t i;

        for (i = 0; i < 4; i++)
                if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
                        *ret_value = strcasecmp(value, yes[i]) == 0;
                        return 0;
                }
        return -EINVAL;
}

/* oslo.config takes a pair of quotes off. */
static char *unquote(const struct ini_option *option)
{
        const char *value = option->value;
        size_t n = option->n_value;

        if (n > 1 && value[0] == value[n - 1] && (value[0] == '"' || value[0] == '\''))
                return strndup(value + 1, n - 2);
        return strndup(value, n);
}

/* Return: 0, ROOTWRAP_E_CONFIG or -ENOMEM */
static int take_options(const struct ini *ini,
                        const char *file,
                        const char *name,
                        struct service *service,
                        struct complaint *reterr)
{
        const struct ini_option *use = ini_get(ini, INI_DEFAULT_SECTION, "use_rootwrap_daemon");
        const struct ini_option *config = ini_get(ini, INI_DEFAULT_SECTION, "rootwrap_config");
        cleanup_free char *word = use ? unquote(use) : strdup("false");

        if (!word)
                return -ENOMEM;
        if (parse_bool(word, &service->use_daemon)) {
                complaint_set(reterr, file, use ? use->line : 0,
                              "use_rootwrap_daemon is no boolean value");
                return ROOTWRAP_E_CONFIG;
        }
        if (config)
                service->config = unquote(config);
        else if (asprintf(&service->config, "/etc/%s/rootwrap.conf", name) < 0)
                service->config = NULL;
        if (!service->config)
                return -ENOMEM;
        if (service->config[0] != '/') { /* so no $reference is taken for a path either */
                complaint_set(reterr, file, config ? config->line : 0,
                              "rootwrap_config is no absolute path");
                return ROOTWRAP_E_CONFIG;
        }
        return 0;
}

/* Return: 0, ROOTWRAP_E_CONFIG or negative errno */
static int read_service(const char *file,
                        const char *name,
                        struct arena *arena,
                        struct service *service,
                        struct complaint *reterr)
{
        cleanup_close int fd = -1;
        struct ini_input input = { .file = file, .mode = INI_TOLERANT };
        struct ini ini;
        int r;

        fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        r = fd < 0 ? -errno
                   : file_read(fd, arena, 0, INI_FILE_BYTES_MAX, &input.text, &input.n_bytes);
        if (r) {
                complaint_set(reterr, file, 0, "%s",
                              r < 0 ? rootwrap_strerror(r) : "larger than 16 MiB");
                return ROOTWRAP_E_CONFIG;
        }
        r = ini_parse(&ini, arena, &input, reterr);
        if (r)
                return r < 0 ? r : ROOTWRAP_E_CONFIG;
        return take_options(&ini, file, name, service, reterr);
}

/* Return: 0 or negative errno */
static int open_service(const struct service *service,
                        const char *name,
                        struct rootwrap **ret_rootwrap)
{
        cleanup_free char *program = NULL;
        cleanup_free char *label = NULL;
        const char *argv[] = { "sudo", NULL, service->config };
        struct rootwrap *handle;
        int r;

        if (asprintf(&label, "%s-rootwrap", name) < 0)
                label = NULL;
        if (asprintf(&program, "%s-rootwrap%s", name, service->use_daemon ? "-daemon" : "") < 0)
                program = NULL;
        if (!label || !program)
                return -ENOMEM;
        argv[1] = program;
        r = open_words(service->use_daemon ? HANDLE_DAEMON : HANDLE_EACH, argv, 3, &handle);
        if (r)
                return r;
        handle->label = steal_ptr(&label);
        return finish(handle, ret_rootwrap);
}

/**
 * rootwrap_open_config() - see librootwrap(3)
 * @file:         the service's configuration file
 * @name:         the service's name
 * @ret_rootwrap: the handle, closed by rootwrap_close()
 *
 * Return: 0, negative errno, or ROOTWRAP_E_CONFIG
 */
int rootwrap_open_config(const char *file, const char *name, struct rootwrap **ret_rootwrap)
{
        struct complaint complaint = { 0 };
        struct service service = { 0 };
        struct arena arena = { 0 };
        char detail[COMPLAINT_BYTES_MAX];
        int r;

        if (!file || !name || !*name || strchr(name, '/') || *name == '-' ||
            strlen(name) > SERVICE_BYTES_MAX)
                return fail(-EINVAL, NULL);
        r = read_service(file, name, &arena, &service, &complaint);
        if (!r)
                r = open_service(&service, name, ret_rootwrap);
        if (r && complaint.text) {
                (void)snprintf(detail, sizeof(detail), complaint.line ? "%s:%u: %s" : "%s%.0u: %s",
                               complaint.file ? complaint.file : file, complaint.line,
                               complaint.text);
                answer_note(r, detail);
        } else if (r) {
                answer_note(r, NULL);
        }
        complaint_deinit(&complaint);
        arena_deinit(&arena);
        free(service.config);
        return r;
}
