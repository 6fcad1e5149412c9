/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "monitor/owner.h"
#include "util/test.h"

static uid_t euid;
static const char *passwd; /* what /etc/passwd says; NULL: it is not there */

uid_t __wrap_geteuid(void);
FILE *__wrap_fopen64(const char *path, const char *mode);

uid_t __wrap_geteuid(void)
{
        return euid;
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
        static char copy[512];

        assert_string_equal(path, "/etc/passwd");
        assert_string_equal(mode, "re");
        if (!passwd) {
                errno = ENOENT;
                return NULL;
        }
        (void)snprintf(copy, sizeof(copy), "%s", passwd);
        return fmemopen(copy, strlen(copy), "r");
}

static void forget_callers(void)
{
        (void)unsetenv("SUDO_UID");
        (void)unsetenv("DOAS_USER");
}

/* Who started a daemon that is root. */
static struct owner_row {
        const char *name;
        const char *sudo_uid;
        const char *doas_user;
        int want;
        uid_t want_uid;
} owner_rows[] = {
        { "sudo_names_the_owner", "4123", NULL, 0, 4123 },
        { "root_through_sudo_is_root", "0", NULL, 0, 0 },
        { "the_largest_uid_is_an_owner", "4294967294", NULL, 0, 4294967294u },
        { "doas_names_the_owner", NULL, "root", 0, 0 },
        { "sudo_comes_before_doas", "4123", "root", 0, 4123 },
        { "doas_does_not_mend_what_sudo_says", "x", "root", OWNER_E_UNKNOWN, 0 },
        { "doas_must_name_somebody", NULL, "rootwrapd no such user", OWNER_E_UNKNOWN, 0 },
        { "doas_with_no_name_is_nobody", NULL, "", OWNER_E_UNKNOWN, 0 },
        { "an_empty_uid_is_nobody", "", NULL, OWNER_E_UNKNOWN, 0 },
        { "a_negative_uid_is_nobody", "-1", NULL, OWNER_E_UNKNOWN, 0 },
        { "a_uid_with_a_sign_is_nobody", "+1", NULL, OWNER_E_UNKNOWN, 0 },
        { "a_uid_after_a_space_is_nobody", " 1", NULL, OWNER_E_UNKNOWN, 0 },
        { "a_uid_with_a_word_is_nobody", "1x", NULL, OWNER_E_UNKNOWN, 0 },
        { "a_name_is_no_uid", "root", NULL, OWNER_E_UNKNOWN, 0 },
        { "minus_one_as_a_uid_is_nobody", "4294967295", NULL, OWNER_E_UNKNOWN, 0 },
        { "a_uid_that_would_wrap_is_nobody", "4294967296", NULL, OWNER_E_UNKNOWN, 0 },
        { "a_uid_beyond_all_is_nobody", "99999999999999999999", NULL, OWNER_E_UNKNOWN, 0 },
};

static void run_owner_row(void **state)
{
        const struct owner_row *row = *state;
        char *name = NULL;
        uid_t uid = 77;

        forget_callers();
        euid = 0;
        if (row->sudo_uid)
                assert_int_equal(setenv("SUDO_UID", row->sudo_uid, 1), 0);
        if (row->doas_user)
                assert_int_equal(setenv("DOAS_USER", row->doas_user, 1), 0);
        assert_int_equal(owner_find(&uid, &name), row->want);
        assert_int_equal(uid, row->want ? 77 : row->want_uid);
        if (!row->want && row->want_uid == 0)
                assert_string_equal(name, "root");
        if (row->want)
                assert_null(name);
        free(name);
        forget_callers();
}

static void without_sudo_the_parent_s_user_is_the_owner(void **state)
{
        char *name = NULL;
        uid_t uid;

        (void)state;
        forget_callers();
        euid = 0;
        assert_int_equal(owner_find(&uid, &name), 0);
        assert_int_equal(uid, getuid());
        free(name);
}

static void without_privileges_the_owner_is_who_it_runs_as(void **state)
{
        char *name = NULL;
        uid_t uid;

        (void)state;
        assert_int_equal(setenv("SUDO_UID", "0", 1), 0);
        assert_int_equal(setenv("DOAS_USER", "root", 1), 0);
        euid = 4123;
        assert_int_equal(owner_find(&uid, &name), 0);
        assert_int_equal(uid, 4123);
        free(name);
        forget_callers();
}

#define ROOT   "root:x:0:0::/root:/bin/sh\n"
#define NOBODY "nobody:x:65534:65533::/:/bin/false\n"
#define OWN    "rootwrapd:x:105:106::/:/bin/false\n"

static struct worker_row {
        const char *name;
        const char *passwd;
        int want;
        uid_t want_uid;
        gid_t want_gid;
} worker_rows[] = {
        { "the_worker_has_a_user_of_its_own", ROOT OWN NOBODY, 0, 105, 106 },
        { "its_own_user_may_come_last", ROOT NOBODY OWN, 0, 105, 106 },
        { "without_it_the_worker_is_nobody", ROOT NOBODY, 0, 65534, 65533 },
        { "the_worker_is_never_root", "rootwrapd:x:0:0::/:/bin/sh\n" NOBODY, 0, 65534, 65533 },
        { "nobody_is_never_root", "nobody:x:0:0::/:/bin/sh\n", OWNER_E_UNKNOWN, 0, 0 },
        { "another_user_that_begins_so_is_none", "rootwrapd2:x:5:5::/:\n", OWNER_E_UNKNOWN, 0, 0 },
        { "a_broken_line_is_passed_over", "rootwrapd\n" NOBODY, 0, 65534, 65533 },
        { "nobody_must_be_there", ROOT, OWNER_E_UNKNOWN, 0, 0 },
        { "the_file_must_be_there", NULL, -ENOENT, 0, 0 },
};

static void run_worker_row(void **state)
{
        const struct worker_row *row = *state;
        uid_t uid = 0;
        gid_t gid = 0;

        passwd = row->passwd;
        assert_int_equal(owner_find_worker(&uid, &gid), row->want);
        assert_int_equal(uid, row->want_uid);
        assert_int_equal(gid, row->want_gid);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, owner_rows, run_owner_row);
        test_set_add_test(&set, without_sudo_the_parent_s_user_is_the_owner);
        test_set_add_test(&set, without_privileges_the_owner_is_who_it_runs_as);
        test_set_add_rows(&set, worker_rows, run_worker_row);
        return test_set_run(&set, "owner");
}
