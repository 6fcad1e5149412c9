/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/mounts.h"
#include "util/test.h"

#define ROOT    "25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define PROC    "26 25 0:22 / /proc rw,nosuid - proc proc rw\n"
#define SRV     "27 25 8:2 / /srv rw - ext4 /dev/sda2 rw\n"
#define TMP     "28 25 0:40 / /tmp rw - tmpfs tmpfs rw\n"
#define VAR_TMP "29 25 0:41 / /var/tmp rw - tmpfs tmpfs rw\n"

static struct {
        const char *name;
        const char *ours;
        const char *theirs;
        bool want;
} rows[] = {
        { "the_same_is_the_same", ROOT PROC SRV, ROOT PROC SRV, true },
        { "nothing_is_the_same_as_nothing", "", "", true },
        { "a_last_line_without_an_end_is_one", ROOT PROC,
          ROOT "9 25 0:22 / /proc rw - proc proc rw", true },
        { "numbers_options_and_propagation_may_differ", ROOT,
          "625 601 8:1 / / ro,nosuid master:1 - ext4 /dev/sda1 rw,noatime\n", true },
        { "the_order_of_the_lines_says_nothing", ROOT PROC SRV, SRV PROC ROOT, true },
        { "what_lies_on_what_does", ROOT SRV "30 27 8:3 / /srv rw - ext4 /dev/sda3 rw\n",
          ROOT "30 25 8:3 / /srv rw - ext4 /dev/sda3 rw\n"
               "27 30 8:2 / /srv rw - ext4 x rw\n",
          false },
        { "a_mount_that_hides_one_below_it_is_something_else",
          ROOT "30 25 8:3 / /a rw - ext4 x rw\n"
               "31 30 8:4 / /a/b rw - ext4 x rw\n",
          ROOT "30 25 8:3 / /a rw - ext4 x rw\n"
               "31 25 8:4 / /a/b rw - ext4 x rw\n",
          false },
        { "a_stack_is_the_same_in_any_order_of_its_lines",
          ROOT SRV "30 27 8:2 / /srv rw - ext4 x rw\n",
          "30 27 8:2 / /srv rw - ext4 x rw\n" SRV ROOT, true },
        { "numbers_below_tmp_s_own_say_nothing", TMP "30 28 0:22 / /p rw - proc proc rw\n",
          TMP "6 28 0:22 / /p rw - proc proc rw\n", true },
        { "a_root_may_be_its_own_parent", "1 1 0:2 / / rw - rootfs none rw\n",
          "1 0 0:2 / / rw - rootfs none rw\n", true },
        { "parents_in_a_circle_are_bad",
          ROOT "30 31 8:3 / /a rw - ext4 x rw\n"
               "31 30 8:4 / /b rw - ext4 x rw\n",
          ROOT "30 31 8:3 / /a rw - ext4 x rw\n"
               "31 30 8:4 / /b rw - ext4 x rw\n",
          false },
        { "a_number_twice_is_bad", ROOT ROOT, ROOT ROOT, false },
        { "a_number_that_is_none_is_bad", "2x 1 8:1 / / rw - e x rw\n",
          "2x 1 8:1 / / rw - e x rw\n", false },
        { "a_number_that_is_too_large_is_bad", "4294967296 1 8:1 / / rw - e x rw\n",
          "4294967296 1 8:1 / / rw - e x rw\n", false },
        { "the_largest_number_is_one", "4294967295 1 8:1 / / rw - e x rw\n", ROOT, true },
        { "below_tmp_it_is_the_same_if_it_is_there_for_both",
          ROOT TMP "30 28 8:2 / /tmp/x rw - ext4 x rw\n",
          ROOT "90 25 8:1 /private /tmp rw - ext4 x rw\n"
               "91 90 8:2 / /tmp/x rw - ext4 x rw\n",
          true },
        { "one_more_is_something_else", ROOT PROC, ROOT PROC SRV, false },
        { "one_less_is_something_else", ROOT PROC SRV, ROOT PROC, false },
        { "one_more_in_between_is_something_else", ROOT PROC, ROOT SRV PROC, false },
        { "nothing_is_not_something", ROOT, "", false },
        { "twice_is_not_once", ROOT SRV, ROOT SRV SRV, false },
        { "another_device_is_something_else", ROOT SRV,
          ROOT "27 25 8:3 / /srv rw - ext4 /dev/sda2 rw\n", false },
        { "a_longer_device_is_something_else", ROOT SRV,
          ROOT "27 25 8:22 / /srv rw - ext4 /dev/sda2 rw\n", false },
        { "another_directory_of_the_device_is_something_else", ROOT SRV,
          ROOT "27 25 8:2 /x /srv rw - ext4 /dev/sda2 rw\n", false },
        { "another_place_is_something_else", ROOT SRV,
          ROOT "27 25 8:2 / /srv2 rw - ext4 /dev/sda2 rw\n", false },
        { "the_ends_of_fields_count", ROOT "27 25 8:2 /a /b rw - ext4 x rw\n",
          ROOT "27 25 8:2 /a/b / rw - ext4 x rw\n", false },
        { "tmp_may_differ", ROOT TMP PROC,
          ROOT "28 25 8:1 /private/tmp /tmp rw - ext4 /dev/sda1 rw\n" PROC, true },
        { "tmp_may_be_somewhere_else_in_the_order", ROOT TMP PROC, ROOT PROC TMP, true },
        { "tmp_may_be_more", ROOT PROC, ROOT TMP PROC VAR_TMP, true },
        { "tmp_may_be_less", ROOT TMP PROC VAR_TMP, ROOT PROC, true },
        { "only_tmp_is_nothing", TMP VAR_TMP, "", true },
        { "tmp_does_not_hide_what_follows", ROOT TMP PROC, ROOT TMP SRV, false },
        { "tmpx_is_not_tmp", ROOT, ROOT "28 25 0:40 / /tmpx rw - tmpfs tmpfs rw\n", false },
        { "xtmp_is_not_tmp", ROOT, ROOT "28 25 0:40 / /xtmp rw - tmpfs tmpfs rw\n", false },
        { "tmp_elsewhere_is_not_tmp", ROOT, ROOT "28 25 0:40 / /srv/tmp rw - tmpfs tmpfs rw\n",
          false },
        { "what_is_below_tmp_is_not_tmp", ROOT TMP, ROOT TMP "30 28 8:2 / /tmp/x rw - ext4 x rw\n",
          false },
        { "what_is_below_var_tmp_is_not_tmp", ROOT, ROOT "30 28 8:2 / /var/tmp/x rw - ext4 x rw\n",
          false },
        { "var_is_not_tmp", ROOT, ROOT "30 28 8:2 / /var rw - ext4 x rw\n", false },
        { "tmp_as_a_directory_of_the_device_is_not_tmp", ROOT,
          ROOT "27 25 8:2 /tmp /srv rw - ext4 x rw\n", false },
        { "a_blank_before_tmp_is_escaped_and_not_tmp", ROOT,
          ROOT "27 25 8:2 / /x\\040/tmp rw - ext4 x rw\n", false },
        { "a_blank_behind_tmp_is_escaped_and_not_tmp", ROOT,
          ROOT "27 25 8:2 / /tmp\\040 rw - ext4 x rw\n", false },
        { "tmp_behind_what_counts_is_not_tmp", ROOT, ROOT "27 25 8:2 / /srv /tmp rw - ext4 x rw\n",
          false },
        { "an_escaped_newline_is_no_newline", ROOT "27 25 8:2 / /a\\012b rw - ext4 x rw\n",
          ROOT "27 25 8:2 / /a\\012b rw - ext4 x rw\n", true },
        { "a_bad_line_is_never_the_same", "x\n", "x\n", false },
        { "an_empty_line_is_bad", ROOT "\n" PROC, ROOT "\n" PROC, false },
        { "a_bad_line_does_not_go_on_in_the_next", "27\n" ROOT, "27\n" ROOT, false },
        { "a_line_that_ends_with_its_place_is_bad", "27 25 8:2 / /srv\n", "27 25 8:2 / /srv\n",
          false },
        { "a_text_that_ends_with_a_place_is_bad", "27 25 8:2 / /srv", "27 25 8:2 / /srv", false },
        { "a_line_without_a_place_is_bad", "27 25 8:2 / \n", "27 25 8:2 / \n", false },
        { "an_empty_field_is_bad", "27 25 8:2  /srv rw\n", "27 25 8:2  /srv rw\n", false },
        { "a_bad_line_is_bad_behind_the_last_of_the_other", ROOT, ROOT "x\n", false },
        { "a_bad_line_that_ends_like_tmp_is_bad", ROOT, ROOT "27 25 8:2 /tmp\n", false },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;

        assert_int_equal(mounts_match(row->ours, row->theirs), row->want);
        assert_int_equal(mounts_match(row->theirs, row->ours), row->want);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        return test_set_run(&set, "mounts");
}
