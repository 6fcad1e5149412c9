/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "config/settings.h"
#include "monitor/admission.h"
#include "util/complaint.h"
#include "util/test.h"

#define MANY (RECORD_ADMITS_MAX + 1)

/* Return: of u7 or g7 the 7 */
static unsigned int number_of(const char *name)
{
        return (unsigned int)strtoul(name + 1, NULL, 10);
}

/* This machine has the users u0, u1 ... and the groups g0, g1 ..., 1000 and 2000 with theirs. */
struct passwd *__wrap_getpwnam(const char *name);
struct group *__wrap_getgrnam(const char *name);

struct passwd *__wrap_getpwnam(const char *name)
{
        static struct passwd entry;

        entry.pw_uid = 1000 + number_of(name);
        entry.pw_gid = 3000; /* which nobody asked for */
        return name[0] == 'u' ? &entry : NULL;
}

struct group *__wrap_getgrnam(const char *name)
{
        static struct group entry;

        entry.gr_gid = 2000 + number_of(name);
        return name[0] == 'g' ? &entry : NULL;
}

static struct {
        const char *name;
        const char *users[4];
        const char *groups[4];
        const char *want; /* the complaint; NULL: none */
        unsigned int want_line;
} rows[] = {
        { "nobody_is_admitted", { NULL }, { NULL }, NULL, 0 },
        { "users_are_admitted", { "u4", "u2" }, { NULL }, NULL, 0 },
        { "groups_are_admitted", { NULL }, { "g7", "g0" }, NULL, 0 },
        { "users_and_groups_are_admitted", { "u1" }, { "g1", "g2", "g3" }, NULL, 0 },
        { "a_name_may_come_twice", { "u1", "u1" }, { NULL }, NULL, 0 },
        { "a_user_that_is_not_there_is_told",
          { "u1", "nova" },
          { "g1" },
          "there is no user \"nova\"",
          7 },
        { "a_group_that_is_not_there_is_told",
          { "u1" },
          { "g1", "kvm" },
          "there is no group \"kvm\"",
          8 },
        { "a_group_is_no_user", { "g1" }, { NULL }, "there is no user \"g1\"", 7 },
        { "a_user_is_no_group", { NULL }, { "u1" }, "there is no group \"u1\"", 8 },
        { "users_come_first", { "nova" }, { "kvm" }, "there is no user \"nova\"", 7 },
};

static size_t count(const char *const *names)
{
        size_t n = 0;

        while (names[n])
                n++;
        return n;
}

/* What the worker is told. */
static void check_put(const struct admission *admission,
                      const char *const *users,
                      const char *const *groups)
{
        uint32_t tail[2 * RECORD_ADMITS_MAX];
        struct record record;
        size_t n_users = count(users);
        size_t n_groups = count(groups);
        size_t i;

        admission_put(admission, &record, tail);
        assert_int_equal(record.type, RECORD_ADMIT);
        assert_int_equal(record.admit.n_uids, n_users);
        assert_int_equal(record.admit.n_gids, n_groups);
        assert_ptr_equal(record.tail, tail);
        assert_int_equal(record.n_tail, (n_users + n_groups) * sizeof(uint32_t));
        for (i = 0; i < n_users; i++)
                assert_int_equal(tail[i], 1000 + number_of(users[i]));
        for (i = 0; i < n_groups; i++)
                assert_int_equal(tail[n_users + i], 2000 + number_of(groups[i]));
}

static void run_row(void **state)
{
        typeof(rows[0]) *row = *state;
        struct settings settings = {
                .file = "rootwrap.conf",
                .allowed_users = { row->users, count(row->users), 7 },
                .allowed_groups = { row->groups, count(row->groups), 8 },
        };
        struct complaint complaint = { 0 };
        static struct admission admission;
        size_t i;

        memset(&admission, 0xFF, sizeof(admission));
        assert_int_equal(admission_resolve(&admission, &settings, &complaint),
                         row->want ? ADMISSION_E_BAD : 0);
        if (row->want) {
                assert_string_equal(complaint.file, "rootwrap.conf");
                assert_int_equal(complaint.line, row->want_line);
                assert_string_equal(complaint.text, row->want);
                assert_int_equal(admission.n_uids, 0); /* whoever was found before is not in */
                assert_int_equal(admission.n_gids, 0);
        } else {
                assert_null(complaint.text);
                check_put(&admission, row->users, row->groups);
        }
        for (i = 0; !row->want && row->users[i]; i++)
                assert_string_equal(admission_name(&admission, 1000 + number_of(row->users[i])),
                                    row->users[i]);
        assert_null(admission_name(&admission, 2001)); /* a number of a group is no user's */
        assert_null(admission_name(&admission, 0));
        complaint_deinit(&complaint);
}

/* Each row: so many users and groups. */
static struct {
        const char *name;
        size_t n_users;
        size_t n_groups;
        const char *want;
} many_rows[] = {
        { "as_many_as_may_be_are_admitted", MANY - 1, MANY - 1, NULL },
        { "a_user_more_is_refused", MANY, 0, "more than 256 users" },
        { "a_group_more_is_refused", 0, MANY, "more than 256 groups" },
};

static void run_many_row(void **state)
{
        const typeof(many_rows[0]) *row = *state;
        static const char *users[MANY];
        static const char *groups[MANY];
        static char names[2][MANY][8];
        struct settings settings = {
                .file = "rootwrap.conf",
                .allowed_users = { users, row->n_users, 1 },
                .allowed_groups = { groups, row->n_groups, 2 },
        };
        struct complaint complaint = { 0 };
        static struct admission admission;
        uint32_t tail[2 * RECORD_ADMITS_MAX];
        struct record record;
        unsigned int i;

        for (i = 0; i < MANY; i++) {
                (void)snprintf(names[0][i], sizeof(names[0][i]), "u%u", i);
                (void)snprintf(names[1][i], sizeof(names[1][i]), "g%u", i);
                users[i] = names[0][i];
                groups[i] = names[1][i];
        }
        assert_int_equal(admission_resolve(&admission, &settings, &complaint),
                         row->want ? ADMISSION_E_BAD : 0);
        admission_put(&admission, &record, tail);
        assert_int_equal(record.n_tail, row->want ? 0 : sizeof(tail));
        if (row->want) {
                assert_string_equal(complaint.text, row->want);
        } else {
                assert_int_equal(tail[RECORD_ADMITS_MAX - 1], 1000 + RECORD_ADMITS_MAX - 1);
                assert_int_equal(tail[RECORD_ADMITS_MAX], 2000);
                assert_int_equal(tail[2 * RECORD_ADMITS_MAX - 1], 2000 + RECORD_ADMITS_MAX - 1);
        }
        complaint_deinit(&complaint);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_rows(&set, many_rows, run_many_row);
        return test_set_run(&set, "admission");
}
