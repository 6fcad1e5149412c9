/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/finding.h"
#include "util/test.h"

static void add(struct findings *findings, const char *file, unsigned int line, const char *text)
{
        struct place place = { .file = file, .line = line };

        findings_add(findings, SEVERITY_WARNING, "code", &place, NULL, "%s", text);
}

static void findings_are_in_the_order_of_files_lines_and_discovery(void **state)
{
        static const char *const want[] = { "1", "2", "3", "4", "5" };
        struct findings findings = { 0 };
        size_t i;

        (void)state;
        add(&findings, "b", 1, "5");
        add(&findings, "a", 7, "2");
        add(&findings, "a", 12, "4");
        add(&findings, "a", 7, "3");
        add(&findings, "a", 0, "1");
        findings_sort(&findings);

        assert_int_equal(findings.n, ARRAY_SIZE(want));
        for (i = 0; i < ARRAY_SIZE(want); i++)
                assert_string_equal(findings.v[i].text, want[i]);
        findings_deinit(&findings);
}

static void findings_are_counted_by_severity(void **state)
{
        struct place place = { .file = "a" };
        struct findings findings = { 0 };
        size_t i;

        (void)state;
        for (i = 0; i < 1000; i++)
                findings_add(&findings, i % 2 ? SEVERITY_NOTE : SEVERITY_ERROR, "code", &place,
                             NULL, "text");
        assert_int_equal(findings.n, 1000);
        assert_int_equal(findings.n_of[SEVERITY_NOTE], 500);
        assert_int_equal(findings.n_of[SEVERITY_WARNING], 0);
        assert_int_equal(findings.n_of[SEVERITY_ERROR], 500);
        assert_false(findings.is_incomplete);
        findings_deinit(&findings);
}

static void what_somebody_wrote_is_escaped(void **state)
{
        struct findings findings = { 0 };

        (void)state;
        add(&findings, "a", 1, "one\ntwo\x1b[1m");
        assert_string_equal(findings.v[0].text, "one\\ntwo\\x1b[1m");
        findings_deinit(&findings);
}

static void a_finding_is_known_by_code_and_file(void **state)
{
        struct findings findings = { 0 };

        (void)state;
        add(&findings, "a", 1, "text");
        assert_true(findings_have(&findings, "code", "a"));
        assert_false(findings_have(&findings, "code", "b"));
        assert_false(findings_have(&findings, "other", "a"));
        findings_deinit(&findings);
}

static void sorting_nothing_is_no_harm(void **state)
{
        struct findings findings = { 0 };

        (void)state;
        findings_sort(&findings);
        assert_int_equal(findings.n, 0);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, findings_are_in_the_order_of_files_lines_and_discovery);
        test_set_add_test(&set, findings_are_counted_by_severity);
        test_set_add_test(&set, what_somebody_wrote_is_escaped);
        test_set_add_test(&set, a_finding_is_known_by_code_and_file);
        test_set_add_test(&set, sorting_nothing_is_no_harm);
        return test_set_run(&set, "finding");
}
