/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: directories, then files, then options, each in order; then the implicit filter. Either
 * all of it is there afterwards, or nothing is and a complaint says why: half a policy would refuse
 * what an administrator allowed, or, where an earlier filter is missing, allow by a later one.
 */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/ini.h"
#include "config/settings.h"
#include "config/source.h"
#include "policy/index.h"
#include "policy/pattern.h"
#include "policy/regex.h"
#include "policy/system.h"
#include "util/cleanup.h"
#include "util/complaint.h"
#include "util/err.h"
#include "util/pystr.h"
#include "util/text.h"

#define FILTERS_SECTION "Filters"

/* What the files of a service come to: their text while they are read, and the filters. */
#define SCRATCH_ARENA_BYTES (40u * 1024)
#define POLICY_ARENA_BYTES  (56u * 1024)

/* What one load needs besides the policy, and gives back at its end. */
struct load {
        struct policy *policy;
        struct arena scratch;
        struct complaint *reterr;
};

static int add_note(struct policy *policy, const char *file, unsigned int line, const char *text)
{
        if (!text)
                return err_origin(-ENOMEM);
        if (policy->n_notes == policy->n_notes_room) {
                size_t n_more = policy->n_notes_room ? policy->n_notes_room : 8;
                struct policy_note *notes;

                notes = arena_grow_array(&policy->arena, policy->notes, policy->n_notes, n_more,
                                         sizeof(*notes));
                if (!notes)
                        return err_origin(-ENOMEM);
                policy->notes = notes;
                policy->n_notes_room += n_more;
        }
        policy->notes[policy->n_notes++] = (struct policy_note){
                .file = file,
                .line = line,
                .text = text,
        };
        return 0;
}

static int take_filter(struct policy *policy, struct filter **ret_filter)
{
        if (policy->n_filters == POLICY_FILTERS_MAX)
                return err_origin(-E2BIG);
        if (policy->n_filters == policy->n_room) {
                size_t n_more = policy->n_room ? policy->n_room : 128;
                struct filter *filters;

                filters = arena_grow_array(&policy->arena, policy->filters, policy->n_filters,
                                           n_more, sizeof(*filters));
                if (!filters)
                        return err_origin(-ENOMEM);
                policy->filters = filters;
                policy->n_room += n_more;
        }
        *ret_filter = &policy->filters[policy->n_filters++];
        **ret_filter = (struct filter){ 0 };
        return 0;
}

/* Splits a definition at every comma. Return: the pieces, the first being the class; or NULL */
static const char **split(struct arena *arena, const struct ini_option *option, size_t *ret_n)
{
        char *value = arena_copy(arena, option->value, option->n_value);
        const char **pieces;
        size_t n_commas = 0;
        size_t n = 0;
        char *end;
        char *c;

        if (!value)
                return NULL;
        for (c = value; (c = strchr(c, ',')); c++)
                n_commas++;
        pieces = arena_take_array(arena, n_commas + 1, sizeof(char *));
        if (!pieces)
                return NULL;

        for (c = value;; c = end + 1) {
                const char *piece = c;
                size_t n_piece;

                end = strchrnul(c, ',');
                n_piece = pystr_strip(&piece, (size_t)(end - c));
                pieces[n++] = piece;
                if (!*end) {
                        c[(size_t)(piece - c) + n_piece] = '\0';
                        break;
                }
                c[(size_t)(piece - c) + n_piece] = '\0';
        }
        *ret_n = n;
        return pieces;
}

static int prepare(struct policy *policy, struct filter *filter)
{
        size_t i;

        if (filter->class->n_args_min == 2) {
                filter->exec_path = filter->args[0];
                filter->run_as = filter->args[1];
                filter->args += 2;
                filter->n_args -= 2;
        }
        if (filter->class->prepare)
                filter->class->prepare(filter);
        if (!filter->class->has_patterns || !filter->n_args)
                return 0;

        filter->patterns =
                arena_take_array(&policy->arena, filter->n_args, sizeof(*filter->patterns));
        if (!filter->patterns)
                return err_origin(-ENOMEM);
        for (i = 0; i < filter->n_args; i++)
                filter->patterns[i].text = filter->args[i];
        return 0;
}

static int note_unknown_class(struct policy *policy,
                              const char *file,
                              const struct ini_option *option,
                              const char *const *pieces,
                              size_t n_pieces)
{
        cleanup_text struct text text = { 0 };
        struct policy_note *note;
        int r;

        text_printf(&text, "filter \"%s\" skipped: unknown class \"%s\"", option->name, pieces[0]);
        r = add_note(policy, file, option->line,
                     arena_copy_string(&policy->arena, text_get(&text)));
        if (r)
                return err_trace(r);
        note = &policy->notes[policy->n_notes - 1];
        note->filter = arena_copy_string(&policy->arena, option->name);
        note->pieces = pieces;
        note->n_pieces = n_pieces;
        return note->filter ? 0 : err_origin(-ENOMEM);
}

/* Adds the filter that an option defines. */
static int add_option(struct policy *policy,
                      const char *file,
                      const struct ini_option *option,
                      struct complaint *reterr)
{
        const struct filter_class *class;
        struct filter *filter = NULL;
        const char **pieces;
        size_t n_pieces;
        int r;

        pieces = split(&policy->arena, option, &n_pieces);
        if (!pieces)
                return err_origin(-ENOMEM);
        class = filter_class_find(pieces[0]);
        if (!class)
                return err_trace(note_unknown_class(policy, file, option, pieces, n_pieces));
        if (n_pieces - 1 < class->n_args_min) {
                complaint_set(reterr, file, option->line,
                              "filter \"%s\": %s wants at least %zu arguments, here are %zu",
                              option->name, class->name, class->n_args_min, n_pieces - 1);
                return POLICY_E_BAD;
        }
        r = take_filter(policy, &filter);
        if (r == -E2BIG) {
                complaint_set(reterr, file, option->line, "more than 500000 filters");
                return POLICY_E_BAD;
        }
        if (r)
                return err_trace(r);

        filter->class = class;
        filter->name = arena_copy_string(&policy->arena, option->name);
        if (!filter->name)
                return err_origin(-ENOMEM);
        filter->file = file;
        filter->line = option->line;
        filter->line_replaced = option->line_replaced;
        filter->args = pieces + 1;
        filter->n_args = n_pieces - 1;
        return err_trace(prepare(policy, filter));
}

static int load_items(struct load *load, const char *file, const struct ini *ini)
{
        const struct ini_option **items;
        size_t n_items;
        size_t i;
        int r;

        r = ini_items(ini, &load->scratch, FILTERS_SECTION, &items, &n_items);
        if (r == INI_E_NO_SECTION) {
                complaint_set(load->reterr, file, 0, "no section [%s]", FILTERS_SECTION);
                return POLICY_E_BAD;
        }
        if (r)
                return err_trace(r);
        for (i = 0; i < n_items; i++) {
                r = add_option(load->policy, file, items[i], load->reterr);
                if (r)
                        return err_trace(r);
        }
        return 0;
}

/* Like oslo.rootwrap, what is no regular file is passed over. */
static int load_file(struct load *load, const char *path)
{
        struct ini_input input = { .mode = INI_TOLERANT };
        struct ini ini;
        struct stat st;
        int r;

        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        input.file = arena_copy_string(&load->policy->arena, path);
        if (!input.file)
                return err_origin(-ENOMEM);
        r = source_read(input.file, &load->scratch, &input.text, &input.n_bytes, load->reterr);
        if (!r)
                r = ini_parse(&ini, &load->scratch, &input, load->reterr);
        if (!r)
                r = load_items(load, input.file, &ini);
        return r > 0 ? POLICY_E_BAD : err_trace(r);
}

/* Names that package managers and editors leave behind. */
static bool is_backup(const char *name)
{
        static const char *const ends[] = {
                "~", ".rpmsave", ".rpmnew", ".rpmorig", ".orig", ".bak"
        };
        size_t n = strlen(name);
        size_t i;

        if (strstr(name, ".dpkg-"))
                return true;
        for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
                size_t n_end = strlen(ends[i]);

                if (n > n_end && strcmp(name + n - n_end, ends[i]) == 0)
                        return true;
        }
        return false;
}

/* The names of a directory. */
struct names {
        const char **v;
        size_t n;
};

#define DIRECTORY_BYTES 4096u

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* getdents64(2), which needs no memory of its own. */
struct directory_entry {
        uint64_t inode;
        int64_t offset;
        unsigned short n_record;
        unsigned char type;
        char name[];
};

static int add_names(struct load *load, struct names *names, const char *records, size_t n_records)
{
        size_t at = 0;

        while (at < n_records) {
                const struct directory_entry *entry =
                        (const struct directory_entry *)(const void *)(records + at);

                at += entry->n_record;
                if (entry->name[0] == '.')
                        continue;
                if (names->n == POLICY_FILES_MAX)
                        return err_origin(-E2BIG);
                if ((names->n & (names->n - 1)) == 0) /* full: 0, 1, 2, 4, 8, ... */
                        names->v = arena_grow_array(&load->scratch, names->v, names->n,
                                                    names->n ? names->n : 1, sizeof(*names->v));
                if (!names->v ||
                    !(names->v[names->n] = arena_copy_string(&load->scratch, entry->name)))
                        return err_origin(-ENOMEM);
                names->n++;
        }
        return 0;
}

static int read_names(struct load *load, int fd, struct names *names)
{
        char *records = arena_take(&load->scratch, DIRECTORY_BYTES);
        long n;
        int r;

        if (!records)
                return err_origin(-ENOMEM);
        for (;;) {
                n = syscall(SYS_getdents64, fd, records, DIRECTORY_BYTES);
                if (n == 0 ||
                    (n < 0 && errno == ENOENT)) /* ENOENT: it was removed; as readdir(3) */
                        return 0;
                if (n < 0)
                        return err_origin(-errno);
                r = add_names(load, names, records, (size_t)n);
                if (r)
                        return err_trace(r);
        }
}

/**
 * policy_skips() - is a file of a filter directory passed over because of its name?
 * @settings: the settings
 * @name:     its name, without the directory
 */
bool policy_skips(const struct settings *settings, const char *name)
{
        return name[0] == '.' || (!settings->oslo_compat && is_backup(name));
}

static int load_name(struct load *load, const char *directory, const char *name)
{
        const char *path = system_join(&load->scratch, directory, name);

        if (!path)
                return err_origin(-ENOMEM);
        if (policy_skips(load->policy->settings, name))
                return err_trace(add_note(load->policy,
                                          arena_copy_string(&load->policy->arena, path), 0,
                                          "skipped: the name is that of a backup"));
        return err_trace(load_file(load, path));
}

static int load_directory(struct load *load, const char *path)
{
        struct names names = { 0 };
        cleanup_close int fd = -1;
        struct stat st;
        size_t i;
        int r;

        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                return err_trace(add_note(load->policy, path, 0, "skipped: not a directory"));
        r = source_open(path, SOURCE_DIRECTORY, &fd, load->reterr);
        if (r)
                return POLICY_E_BAD;
        r = read_names(load, fd, &names);
        if (r == -ENOMEM)
                return err_trace(r);
        if (r) {
                complaint_set(load->reterr, path, 0, "%s",
                              r == -E2BIG ? "more than 10000 files" : strerror(-r));
                return POLICY_E_BAD;
        }
        if (!load->policy->settings->oslo_compat && names.n)
                qsort(names.v, names.n, sizeof(*names.v), compare_names);
        for (i = 0; i < names.n && !r; i++)
                r = load_name(load, path, names.v[i]);
        return err_trace(r);
}

static int add_implicit(struct policy *policy)
{
        enum implicit_privsep mode = policy->settings->implicit_privsep;
        struct filter *filter = NULL;
        int r;

        if (mode == IMPLICIT_PRIVSEP_OFF)
                return 0;
        r = take_filter(policy, &filter);
        if (r)
                return err_trace(r);
        filter->class = mode == IMPLICIT_PRIVSEP_ANY ? &filter_command : &filter_privsep;
        filter->name = "privsep-helper";
        filter->exec_path = "privsep-helper";
        filter->run_as = "root";
        return 0;
}

static void begin(struct load *load,
                  struct policy *policy,
                  const struct settings *settings,
                  struct complaint *reterr)
{
        *policy = (struct policy){
                .settings = settings,
                .arena = { .n_first = POLICY_ARENA_BYTES },
        };
        policy->by_name.arena = &policy->arena;
        policy->by_env_name.arena = &policy->arena;
        *load = (struct load){
                .policy = policy,
                .scratch = { .n_first = SCRATCH_ARENA_BYTES },
                .reterr = reterr,
        };
}

/* All files are read, with @r: what is left to do. Return: @r, or what that comes to */
static int finish(struct load *load, int r)
{
        arena_deinit(&load->scratch);
        if (!r)
                r = add_implicit(load->policy);
        if (!r)
                r = index_build(load->policy);
        return err_trace(r);
}

/**
 * policy_load() - load what the settings name
 * @policy:   set; to be given to policy_deinit() also after a failure
 * @settings: borrowed for the life of the policy
 * @reterr:   for POLICY_E_BAD: what is wrong, and where
 *
 * Return: 0, POLICY_E_BAD or negative errno
 */
int policy_load(struct policy *policy, const struct settings *settings, struct complaint *reterr)
{
        struct load load;
        size_t i;
        int r = 0;

        begin(&load, policy, settings, reterr);
        for (i = 0; i < settings->filters_path.n_paths && !r; i++)
                r = load_directory(&load, settings->filters_path.paths[i]);
        return err_trace(finish(&load, r));
}

/**
 * policy_load_file() - load one filter file as if it were the only one
 * @policy:   set; to be given to policy_deinit() also after a failure
 * @settings: borrowed for the life of the policy
 * @path:     the file
 * @reterr:   for POLICY_E_BAD: what is wrong, and where
 *
 * Return: 0, POLICY_E_BAD or negative errno
 */
int policy_load_file(struct policy *policy,
                     const struct settings *settings,
                     const char *path,
                     struct complaint *reterr)
{
        struct load load;

        begin(&load, policy, settings, reterr);
        return err_trace(finish(&load, load_file(&load, path)));
}

/**
 * policy_deinit() - give the memory back
 * @policy: becomes empty
 */
void policy_deinit(struct policy *policy)
{
        size_t i;
        size_t k;

        for (i = 0; i < policy->n_filters; i++)
                for (k = 0; policy->filters[i].patterns && k < policy->filters[i].n_args; k++)
                        pattern_deinit(&policy->filters[i].patterns[k]);
        arena_deinit(&policy->arena);
        *policy = (struct policy){ 0 };
}

/**
 * policy_compile() - compile all expressions now, so that no command waits for it later
 * @policy: the policy; expressions that don't compile never match, and get a note
 *
 * Return: 0 or -ENOMEM
 */
int policy_compile(struct policy *policy)
{
        size_t i;
        size_t k;
        int r;

        for (i = 0; i < policy->n_filters; i++) {
                struct filter *filter = &policy->filters[i];

                for (k = 0; filter->patterns && k < filter->n_args; k++) {
                        r = pattern_compile(&filter->patterns[k], policy->settings->oslo_compat);
                        if (r > 0)
                                r = add_note(policy, filter->file, filter->line,
                                             filter->patterns[k].reason);
                        if (r)
                                return err_trace(r);
                }
        }
        return 0;
}
