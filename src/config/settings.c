/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrap.conf, typed. Each option is a row of a table: its name and the function that understands
 * its value. A value that is not understood stops the program: nothing is half-loaded.
 *
 * The options of oslo.rootwrap mean what oslo_rootwrap.wrapper.RootwrapConfig makes of them. By
 * default directories are stripped and must be absolute; with oslo_compat they are taken as
 * written.
 */
#include "config/settings.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "config/ini.h"
#include "config/source.h"
#include "util/complaint.h"
#include "util/err.h"
#include "util/pystr.h"
#include "util/text.h"

/* Holds a usual file and what is made of it. */
#define SETTINGS_ARENA_BYTES (14u * 1024)

struct name_value {
        const char *name;
        int value;
};

/* logging.handlers.SysLogHandler of Python 3.11: its LOG_* attributes, then its facility_names. */
static const struct name_value facilities[] = {
        { "LOG_KERN", 0 },      { "LOG_USER", 1 },      { "LOG_MAIL", 2 },
        { "LOG_DAEMON", 3 },    { "LOG_AUTH", 4 },      { "LOG_SYSLOG", 5 },
        { "LOG_LPR", 6 },       { "LOG_NEWS", 7 },      { "LOG_UUCP", 8 },
        { "LOG_CRON", 9 },      { "LOG_AUTHPRIV", 10 }, { "LOG_FTP", 11 },
        { "LOG_NTP", 12 },      { "LOG_SECURITY", 13 }, { "LOG_CONSOLE", 14 },
        { "LOG_SOLCRON", 15 },  { "LOG_LOCAL0", 16 },   { "LOG_LOCAL1", 17 },
        { "LOG_LOCAL2", 18 },   { "LOG_LOCAL3", 19 },   { "LOG_LOCAL4", 20 },
        { "LOG_LOCAL5", 21 },   { "LOG_LOCAL6", 22 },   { "LOG_LOCAL7", 23 },
        { "kern", 0 },          { "user", 1 },          { "mail", 2 },
        { "daemon", 3 },        { "auth", 4 },          { "syslog", 5 },
        { "lpr", 6 },           { "news", 7 },          { "uucp", 8 },
        { "cron", 9 },          { "authpriv", 10 },     { "ftp", 11 },
        { "ntp", 12 },          { "security", 13 },     { "console", 14 },
        { "solaris-cron", 15 }, { "local0", 16 },       { "local1", 17 },
        { "local2", 18 },       { "local3", 19 },       { "local4", 20 },
        { "local5", 21 },       { "local6", 22 },       { "local7", 23 },
};

/* logging._nameToLevel: the least urgent priority of ours that such a level lets through. */
static const struct name_value levels[] = {
        { "CRITICAL", LOG_CRIT }, { "FATAL", LOG_CRIT },      { "ERROR", LOG_ERR },
        { "WARN", LOG_WARNING },  { "WARNING", LOG_WARNING }, { "INFO", LOG_INFO },
        { "DEBUG", LOG_DEBUG },   { "NOTSET", LOG_DEBUG },
};

static const struct name_value booleans[] = {
        { "1", 1 }, { "yes", 1 }, { "true", 1 },  { "on", 1 },
        { "0", 0 }, { "no", 0 },  { "false", 0 }, { "off", 0 },
};

static const struct name_value privsep_modes[] = {
        { "off", IMPLICIT_PRIVSEP_OFF },
        { "restricted", IMPLICIT_PRIVSEP_RESTRICTED },
        { "any", IMPLICIT_PRIVSEP_ANY },
};

static const struct name_value log_formats[] = {
        { "text", SETTINGS_LOG_TEXT },
        { "json", SETTINGS_LOG_JSON },
};

/* As CPython's multiprocessing.connection names them. */
static const struct name_value digests[] = {
        { "md5", SETTINGS_DIGEST_MD5 },           { "sha256", SETTINGS_DIGEST_SHA256 },
        { "sha384", SETTINGS_DIGEST_SHA384 },     { "sha3_256", SETTINGS_DIGEST_SHA3_256 },
        { "sha3_384", SETTINGS_DIGEST_SHA3_384 },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Return: 0 and the value, or SETTINGS_E_BAD */
static int look_up(const struct name_value *rows,
                   size_t n_rows,
                   const char *name,
                   int (*compare)(const char *, const char *),
                   int *ret_value)
{
        size_t i;

        for (i = 0; i < n_rows; i++) {
                if (compare(rows[i].name, name) == 0) {
                        *ret_value = rows[i].value;
                        return 0;
                }
        }
        return SETTINGS_E_BAD;
}

static int complain(const struct settings *settings,
                    const struct ini_option *option,
                    struct complaint *reterr,
                    const char *what)
{
        reterr->kind = COMPLAINT_VALUE;
        complaint_set(reterr, settings->file, option->line, "%s is \"%s\", which is %s",
                      option->name, option->value, what);
        return SETTINGS_E_BAD;
}

static int add_directory(struct settings *settings,
                         struct directories *directories,
                         const char *path,
                         size_t n_path)
{
        const char *copy = arena_copy(&settings->arena, path, n_path);

        if (!copy)
                return err_origin(-ENOMEM);
        directories->paths[directories->n_paths++] = copy;
        return 0;
}

/* Splits @value at every @delimiter. With @checked, pieces are stripped and must be absolute. */
static int split_directories(struct settings *settings,
                             struct directories *ret_directories,
                             const struct ini_option *option,
                             bool checked,
                             struct complaint *reterr)
{
        const char *at = option->value;
        size_t n_commas = 0;
        const char *end;
        const char *c;
        int r;

        for (c = at; *c; c++)
                n_commas += *c == ',';
        *ret_directories = (struct directories){
                .paths = arena_take_array(&settings->arena, n_commas + 1, sizeof(char *)),
        };
        if (!ret_directories->paths)
                return err_origin(-ENOMEM);

        for (;; at = end + 1) {
                const char *path = at;
                size_t n_path;

                end = strchrnul(at, ',');
                n_path = (size_t)(end - at);
                if (checked)
                        n_path = pystr_strip(&path, n_path);
                if (checked && n_path && path[0] != '/')
                        return complain(settings, option, reterr, "not a list of absolute paths");
                if (n_path || !checked) {
                        r = add_directory(settings, ret_directories, path, n_path);
                        if (r)
                                return err_trace(r);
                }
                if (!*end)
                        return 0;
        }
}

/* Without exec_dirs: PATH; its relative entries are where the caller stands, so they don't count.
 */
static int split_search_path(struct settings *settings, const char *path)
{
        size_t n_colons = 0;
        const char *end;
        const char *c;
        int r;

        for (c = path; *c; c++)
                n_colons += *c == ':';
        settings->exec_dirs.paths =
                arena_take_array(&settings->arena, n_colons + 1, sizeof(char *));
        if (!settings->exec_dirs.paths)
                return err_origin(-ENOMEM);

        for (c = path;; c = end + 1) {
                end = strchrnul(c, ':');
                if (*c == '/' || settings->oslo_compat) {
                        r = add_directory(settings, &settings->exec_dirs, c, (size_t)(end - c));
                        if (r)
                                return err_trace(r);
                }
                if (!*end)
                        return 0;
        }
}

static int read_filters_path(struct settings *settings,
                             const struct ini_option *option,
                             struct complaint *reterr)
{
        return err_trace(split_directories(settings, &settings->filters_path, option,
                                           !settings->oslo_compat, reterr));
}

static int read_exec_dirs(struct settings *settings,
                          const struct ini_option *option,
                          struct complaint *reterr)
{
        return err_trace(split_directories(settings, &settings->exec_dirs, option,
                                           !settings->oslo_compat, reterr));
}

static int read_facility(struct settings *settings,
                         const struct ini_option *option,
                         struct complaint *reterr)
{
        if (look_up(facilities, N(facilities), option->value, strcmp, &settings->syslog_facility))
                return complain(settings, option, reterr, "no syslog facility");
        return 0;
}

static int read_level(struct settings *settings,
                      const struct ini_option *option,
                      struct complaint *reterr)
{
        if (look_up(levels, N(levels), option->value, strcasecmp, &settings->syslog_priority_max))
                return complain(settings, option, reterr, "no log level");
        return 0;
}

static int read_boolean(const struct settings *settings,
                        const struct ini_option *option,
                        bool *ret_value,
                        struct complaint *reterr)
{
        int value;

        if (look_up(booleans, N(booleans), option->value, strcasecmp, &value))
                return complain(settings, option, reterr, "not a boolean");
        *ret_value = value;
        return 0;
}

static int read_use_syslog(struct settings *settings,
                           const struct ini_option *option,
                           struct complaint *reterr)
{
        return read_boolean(settings, option, &settings->use_syslog, reterr);
}

static int read_oslo_compat(struct settings *settings,
                            const struct ini_option *option,
                            struct complaint *reterr)
{
        int r;

        r = read_boolean(settings, option, &settings->oslo_compat, reterr);
        if (r)
                return r;
        if (settings->oslo_compat)
                settings->implicit_privsep = IMPLICIT_PRIVSEP_ANY;
        return 0;
}

static int read_privsep(struct settings *settings,
                        const struct ini_option *option,
                        struct complaint *reterr)
{
        int value;

        if (look_up(privsep_modes, N(privsep_modes), option->value, strcmp, &value))
                return complain(settings, option, reterr,
                                "none of \"restricted\", \"any\", \"off\"");
        settings->implicit_privsep = (enum implicit_privsep)value;
        return 0;
}

static int read_timeout(struct settings *settings,
                        const struct ini_option *option,
                        struct complaint *reterr)
{
        if (pystr_int(option->value, option->n_value, &settings->daemon_timeout_s) ||
            settings->daemon_timeout_s < 0)
                return complain(settings, option, reterr, "no number of seconds");
        return 0;
}

static int read_rlimit(struct settings *settings,
                       const struct ini_option *option,
                       struct complaint *reterr)
{
        if (pystr_int(option->value, option->n_value, &settings->rlimit_nofile) ||
            settings->rlimit_nofile < SETTINGS_RLIMIT_NOFILE_MIN)
                return complain(settings, option, reterr, "no number of descriptors from 3 on");
        return 0;
}

static int read_log_format(struct settings *settings,
                           const struct ini_option *option,
                           struct complaint *reterr)
{
        int value;

        if (look_up(log_formats, N(log_formats), option->value, strcmp, &value))
                return complain(settings, option, reterr, "neither \"text\" nor \"json\"");
        settings->log_format = (enum settings_log_format)value;
        return 0;
}

static int read_max_message(struct settings *settings,
                            const struct ini_option *option,
                            struct complaint *reterr)
{
        int64_t value;

        if (pystr_int(option->value, option->n_value, &value) || value < 1 ||
            value > SETTINGS_MESSAGE_BYTES_MAX)
                return complain(settings, option, reterr,
                                "no number of bytes from 1 to 1099511627776");
        settings->max_message_bytes = value;
        return 0;
}

static int read_drain_timeout(struct settings *settings,
                              const struct ini_option *option,
                              struct complaint *reterr)
{
        if (pystr_int(option->value, option->n_value, &settings->drain_timeout_s) ||
            settings->drain_timeout_s < 0)
                return complain(settings, option, reterr, "no number of seconds");
        return 0;
}

/* Names that are stripped and not empty. */
static int read_names(struct settings *settings,
                      const struct ini_option *option,
                      struct admitted_names *ret_names,
                      struct complaint *reterr)
{
        const char *at = option->value;
        size_t n_commas = 0;
        const char *end;
        const char *c;

        for (c = at; *c; c++)
                n_commas += *c == ',';
        *ret_names = (struct admitted_names){
                .names = arena_take_array(&settings->arena, n_commas + 1, sizeof(char *)),
                .line = option->line,
        };
        if (!ret_names->names)
                return err_origin(-ENOMEM);
        for (;; at = end + 1) {
                const char *name = at;
                size_t n_name;

                end = strchrnul(at, ',');
                n_name = pystr_strip(&name, (size_t)(end - at));
                if (!n_name)
                        return complain(settings, option, reterr, "not a list of names");
                name = arena_copy(&settings->arena, name, n_name);
                if (!name)
                        return err_origin(-ENOMEM);
                ret_names->names[ret_names->n_names++] = name;
                if (!*end)
                        return 0;
        }
}

static int read_allowed_users(struct settings *settings,
                              const struct ini_option *option,
                              struct complaint *reterr)
{
        return read_names(settings, option, &settings->allowed_users, reterr);
}

static int read_allowed_groups(struct settings *settings,
                               const struct ini_option *option,
                               struct complaint *reterr)
{
        return read_names(settings, option, &settings->allowed_groups, reterr);
}

/* Return: its bit, or 0 */
static unsigned int find_digest(const char *name, size_t n_name)
{
        size_t i;

        for (i = 0; i < N(digests); i++)
                if (strlen(digests[i].name) == n_name && memcmp(digests[i].name, name, n_name) == 0)
                        return (unsigned int)digests[i].value;
        return 0;
}

/* An empty name is refused as well: a list that says less than was meant locks clients out. */
static int read_digests(struct settings *settings,
                        const struct ini_option *option,
                        struct complaint *reterr)
{
        const char *at = option->value;
        unsigned int bits = 0;
        const char *end;

        for (;; at = end + 1) {
                const char *name = at;
                unsigned int bit;
                size_t n_name;

                end = strchrnul(at, ',');
                n_name = pystr_strip(&name, (size_t)(end - at));
                bit = find_digest(name, n_name);
                if (!bit)
                        return complain(settings, option, reterr,
                                        "not a list of \"md5\", \"sha256\", \"sha384\", "
                                        "\"sha3_256\", \"sha3_384\"");
                bits |= bit;
                if (!*end)
                        break;
        }
        settings->auth_digests = bits;
        return 0;
}

/* oslo_compat comes first: the reading of others depends on it. */
static const struct {
        const char *name;
        int (*read)(struct settings *settings,
                    const struct ini_option *option,
                    struct complaint *reterr);
} options[] = {
        { "oslo_compat", read_oslo_compat },       { "filters_path", read_filters_path },
        { "exec_dirs", read_exec_dirs },           { "use_syslog", read_use_syslog },
        { "syslog_log_facility", read_facility },  { "syslog_log_level", read_level },
        { "daemon_timeout", read_timeout },        { "rlimit_nofile", read_rlimit },
        { "implicit_privsep", read_privsep },      { "log_format", read_log_format },
        { "max_message_bytes", read_max_message }, { "drain_timeout", read_drain_timeout },
        { "auth_digests", read_digests },          { "allowed_users", read_allowed_users },
        { "allowed_groups", read_allowed_groups },
};

static int note_unknown(struct settings *settings, const struct ini *ini)
{
        const struct ini_section *section = &ini->sections[0];
        size_t n_unknown = 0;
        size_t i;
        size_t k;

        settings->unknown = arena_take_array(&settings->arena, section->n_options + 1,
                                             sizeof(*settings->unknown));
        if (!settings->unknown)
                return err_origin(-ENOMEM);
        for (i = 0; i < section->n_options; i++) {
                for (k = 0; k < N(options); k++)
                        if (strcmp(options[k].name, section->options[i].name) == 0)
                                break;
                if (k == N(options))
                        settings->unknown[n_unknown++] = (struct unknown_option){
                                section->options[i].name,
                                section->options[i].line,
                        };
        }
        return 0;
}

/* Says so, and next to what was perhaps meant as it. */
static void complain_of_no_path(const struct settings *settings, struct complaint *reterr)
{
        const struct unknown_option *option = settings->unknown;

        while (option->name && !strstr(option->name, "filter") && !strstr(option->name, "path"))
                option++;
        if (option->name)
                complaint_set(reterr, settings->file, option->line,
                              "no filters_path in [DEFAULT], and \"%s\" is not an option",
                              option->name);
        else
                complaint_set(reterr, settings->file, 0, "no filters_path in [DEFAULT]");
}

static int read_options(struct settings *settings, const struct ini *ini, struct complaint *reterr)
{
        size_t i;
        int r;

        for (i = 0; i < N(options); i++) {
                const struct ini_option *option =
                        ini_get(ini, INI_DEFAULT_SECTION, options[i].name);

                r = option ? options[i].read(settings, option, reterr) : 0;
                if (r)
                        return err_trace(r);
        }
        r = note_unknown(settings, ini);
        if (r)
                return err_trace(r);
        if (!settings->filters_path.paths) {
                complain_of_no_path(settings, reterr);
                return SETTINGS_E_BAD;
        }
        return 0;
}

/**
 * settings_load() - read rootwrap.conf
 * @settings: set; to be given to settings_deinit() also after a failure
 * @file:     path of the file
 * @path:     value of PATH, where the file has no exec_dirs; may be NULL
 * @reterr:   for SETTINGS_E_BAD: what is wrong, and where
 *
 * Return: 0, SETTINGS_E_BAD or -ENOMEM
 */
int settings_load(struct settings *settings,
                  const char *file,
                  const char *path,
                  struct complaint *reterr)
{
        struct ini_input input = { .file = file, .mode = INI_STRICT };
        struct ini ini;
        int r;

        *settings = (struct settings){
                .arena = { .n_first = SETTINGS_ARENA_BYTES },
                .syslog_facility = 5,
                .syslog_priority_max = LOG_ERR,
                .daemon_timeout_s = 600,
                .rlimit_nofile = 1024,
                .implicit_privsep = IMPLICIT_PRIVSEP_RESTRICTED,
                .log_format = SETTINGS_LOG_TEXT,
                .max_message_bytes = SETTINGS_MESSAGE_BYTES_DEFAULT,
                .drain_timeout_s = SETTINGS_DRAIN_FOREVER,
                .auth_digests = SETTINGS_DIGEST_ALL,
        };
        settings->file = arena_copy_string(&settings->arena, file);
        if (!settings->file)
                return err_origin(-ENOMEM);

        r = source_read(file, &settings->arena, &input.text, &input.n_bytes, reterr);
        if (!r)
                r = ini_parse(&ini, &settings->arena, &input, reterr);
        if (!r)
                r = read_options(settings, &ini, reterr);
        if (!r && !settings->exec_dirs.paths && path)
                r = split_search_path(settings, path);
        return r > 0 ? SETTINGS_E_BAD : err_trace(r);
}

/**
 * settings_deinit() - give the memory back
 * @settings: becomes empty
 */
void settings_deinit(struct settings *settings)
{
        arena_deinit(&settings->arena);
        *settings = (struct settings){ 0 };
}
