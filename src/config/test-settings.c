/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "config/settings.h"
#include "util/complaint.h"
#include "util/test.h"
#include "util/text.h"

#define PATHS "filters_path=/f\n"

static struct {
        const char *name;
        const char *options; /* of [DEFAULT] */
        const char *want;    /* LINE: REASON */
} bad_rows[] = {
        { "what_may_have_been_meant_as_filters_path_is_named", "path=/bin\nexec_dirs=/bin\n",
          "2: no filters_path in [DEFAULT], and \"path\" is not an option" },
        { "only_that_is_named", "other=1\nfilter_path=/bin\n",
          "3: no filters_path in [DEFAULT], and \"filter_path\" is not an option" },
        { "filters_path_is_required", "exec_dirs=/bin\n", "0: no filters_path in [DEFAULT]" },
        { "filters_path_must_be_absolute", "filters_path=/a,b\n",
          "2: filters_path is \"/a,b\", which is not a list of absolute paths" },
        { "exec_dirs_must_be_absolute", PATHS "exec_dirs=bin\n",
          "3: exec_dirs is \"bin\", which is not a list of absolute paths" },
        { "a_level_must_be_known", PATHS "syslog_log_level=LOUD\n",
          "3: syslog_log_level is \"LOUD\", which is no log level" },
        { "a_facility_must_be_known", PATHS "syslog_log_facility=moon\n",
          "3: syslog_log_facility is \"moon\", which is no syslog facility" },
        { "the_case_of_a_facility_counts", PATHS "syslog_log_facility=Daemon\n",
          "3: syslog_log_facility is \"Daemon\", which is no syslog facility" },
        { "a_boolean_must_be_one", PATHS "use_syslog=maybe\n",
          "3: use_syslog is \"maybe\", which is not a boolean" },
        { "oslo_compat_must_be_a_boolean", PATHS "oslo_compat=2\n",
          "3: oslo_compat is \"2\", which is not a boolean" },
        { "a_timeout_must_be_a_number", PATHS "daemon_timeout=soon\n",
          "3: daemon_timeout is \"soon\", which is no number of seconds" },
        { "a_timeout_is_not_negative", PATHS "daemon_timeout=-1\n",
          "3: daemon_timeout is \"-1\", which is no number of seconds" },
        { "a_limit_leaves_the_standard_descriptors", PATHS "rlimit_nofile=2\n",
          "3: rlimit_nofile is \"2\", which is no number of descriptors from 3 on" },
        { "privsep_has_three_modes", PATHS "implicit_privsep=ANY\n",
          "3: implicit_privsep is \"ANY\", which is none of \"restricted\", \"any\", \"off\"" },
        { "the_log_has_two_formats", PATHS "log_format=xml\n",
          "3: log_format is \"xml\", which is neither \"text\" nor \"json\"" },
        { "the_case_of_a_format_counts", PATHS "log_format=JSON\n",
          "3: log_format is \"JSON\", which is neither \"text\" nor \"json\"" },
        { "a_message_has_a_byte", PATHS "max_message_bytes=0\n",
          "3: max_message_bytes is \"0\", which is no number of bytes from 1 to 1099511627776" },
        { "a_message_has_a_largest_size", PATHS "max_message_bytes=1099511627777\n",
          "3: max_message_bytes is \"1099511627777\", which is no number of bytes from 1 to "
          "1099511627776" },
        { "a_size_has_no_unit", PATHS "max_message_bytes=1G\n",
          "3: max_message_bytes is \"1G\", which is no number of bytes from 1 to 1099511627776" },
        { "the_wait_for_output_is_a_number", PATHS "drain_timeout=\n",
          "3: drain_timeout is \"\", which is no number of seconds" },
        { "the_wait_for_output_is_not_negative", PATHS "drain_timeout=-1\n",
          "3: drain_timeout is \"-1\", which is no number of seconds" },
        { "a_digest_must_be_known", PATHS "auth_digests=sha256,sha1\n",
          "3: auth_digests is \"sha256,sha1\", which is not a list of \"md5\", \"sha256\", "
          "\"sha384\", \"sha3_256\", \"sha3_384\"" },
        { "some_digest_must_be_left", PATHS "auth_digests=\n",
          "3: auth_digests is \"\", which is not a list of \"md5\", \"sha256\", "
          "\"sha384\", \"sha3_256\", \"sha3_384\"" },
        { "a_list_of_digests_has_no_holes", PATHS "auth_digests=md5,,sha256\n",
          "3: auth_digests is \"md5,,sha256\", which is not a list of \"md5\", \"sha256\", "
          "\"sha384\", \"sha3_256\", \"sha3_384\"" },
        { "the_beginning_of_a_digest_is_none", PATHS "auth_digests=sha\n",
          "3: auth_digests is \"sha\", which is not a list of \"md5\", \"sha256\", "
          "\"sha384\", \"sha3_256\", \"sha3_384\"" },
        { "an_option_twice_is_refused", PATHS PATHS, "3: the option was already there" },
};

struct file {
        char directory[32];
        char path[64];
};

static void file_make(struct file *file, const char *options)
{
        FILE *stream;

        (void)snprintf(file->directory, sizeof(file->directory), "/tmp/rootwrapd-test-XXXXXX");
        assert_non_null(mkdtemp(file->directory));
        (void)snprintf(file->path, sizeof(file->path), "%s/rootwrap.conf", file->directory);
        stream = fopen(file->path, "we");
        assert_non_null(stream);
        assert_int_equal(fchmod(fileno(stream), 0600), 0);
        assert_true(fprintf(stream, "[DEFAULT]\n%s", options) > 0);
        assert_int_equal(fclose(stream), 0);
}

static void file_remove(const struct file *file)
{
        (void)unlink(file->path);
        (void)rmdir(file->directory);
}

static void run_bad_row(void **state)
{
        const typeof(bad_rows[0]) *row = *state;
        struct complaint complaint = { 0 };
        cleanup_text struct text said = { 0 };
        struct settings settings;
        struct file file;

        file_make(&file, row->options);
        assert_int_equal(settings_load(&settings, file.path, "/bin", &complaint), SETTINGS_E_BAD);
        assert_string_equal(complaint.file, file.path);
        text_printf(&said, "%u: %s", complaint.line, complaint.text);
        assert_string_equal(text_get(&said), row->want);
        complaint_deinit(&complaint);
        settings_deinit(&settings);
        file_remove(&file);
}

static void a_file_that_is_not_there_is_refused(void **state)
{
        struct complaint complaint = { 0 };
        struct settings settings;

        (void)state;
        assert_int_equal(settings_load(&settings, "/nowhere/x", NULL, &complaint), SETTINGS_E_BAD);
        assert_int_equal(complaint.kind, COMPLAINT_FILE);
        assert_string_equal(complaint.text, "No such file or directory");
        complaint_deinit(&complaint);
        settings_deinit(&settings);
}

static struct {
        const char *name;
        const char *options;
        const char *path;         /* of the environment */
        const char *filters_path; /* joined by `|` */
        const char *exec_dirs;
} list_rows[] = {
        { "directories_are_stripped", "filters_path= /a , /b\nexec_dirs=/c,\n  /d\n", NULL,
          "/a|/b|", "/c|/d|" },
        { "with_oslo_compat_they_are_taken_as_written",
          "oslo_compat=1\nfilters_path=/a, /b,,c\nexec_dirs=d, e\n", NULL, "/a| /b||c|", "d| e|" },
        { "an_empty_one_is_passed_over", "filters_path=/a,,/b,\n", NULL, "/a|/b|", "" },
        { "without_exec_dirs_the_search_path_counts", PATHS, "/x:/y", "/f|", "/x|/y|" },
        { "of_the_search_path_what_is_not_absolute_is_passed_over", PATHS, "/x::y:/z", "/f|",
          "/x|/z|" },
        { "with_oslo_compat_all_of_it_counts", "oslo_compat=yes\n" PATHS, "/x::y", "/f|",
          "/x||y|" },
        { "exec_dirs_come_before_the_search_path", PATHS "exec_dirs=/c\n", "/x", "/f|", "/c|" },
        { "without_either_there_are_none", PATHS, NULL, "/f|", "" },
};

static void expect_paths(const struct directories *directories, const char *want)
{
        cleanup_text struct text said = { 0 };
        size_t i;

        for (i = 0; i < directories->n_paths; i++)
                text_printf(&said, "%s|", directories->paths[i]);
        assert_string_equal(text_get(&said), want);
}

static void run_list_row(void **state)
{
        const typeof(list_rows[0]) *row = *state;
        struct complaint complaint = { 0 };
        struct settings settings;
        struct file file;

        file_make(&file, row->options);
        assert_int_equal(settings_load(&settings, file.path, row->path, &complaint), 0);
        expect_paths(&settings.filters_path, row->filters_path);
        expect_paths(&settings.exec_dirs, row->exec_dirs);
        settings_deinit(&settings);
        file_remove(&file);
}

static struct {
        const char *name;
        const char *options;
        struct settings want; /* its plain members */
} value_rows[] = {
        { "defaults_are_those_of_the_manual",
          PATHS,
          { .syslog_facility = 5,
            .syslog_priority_max = LOG_ERR,
            .daemon_timeout_s = 600,
            .rlimit_nofile = 1024,
            .implicit_privsep = IMPLICIT_PRIVSEP_RESTRICTED } },
        { "each_option_is_read",
          PATHS "use_syslog=TRUE\nsyslog_log_facility=LOG_LOCAL0\nsyslog_log_level=info\n"
                "daemon_timeout=7\nrlimit_nofile=4_096\nimplicit_privsep=off\n",
          { .use_syslog = true,
            .syslog_facility = 16,
            .syslog_priority_max = LOG_INFO,
            .daemon_timeout_s = 7,
            .rlimit_nofile = 4096 } },
        { "a_facility_may_be_named_as_syslog_does",
          PATHS "syslog_log_facility=daemon\n",
          { .syslog_facility = 3,
            .syslog_priority_max = LOG_ERR,
            .daemon_timeout_s = 600,
            .rlimit_nofile = 1024,
            .implicit_privsep = IMPLICIT_PRIVSEP_RESTRICTED } },
        { "with_oslo_compat_privsep_is_as_in_oslo",
          "oslo_compat=on\n" PATHS,
          { .oslo_compat = true,
            .syslog_facility = 5,
            .syslog_priority_max = LOG_ERR,
            .daemon_timeout_s = 600,
            .rlimit_nofile = 1024,
            .implicit_privsep = IMPLICIT_PRIVSEP_ANY } },
        { "unless_it_is_given_before_or_behind",
          "implicit_privsep=restricted\noslo_compat=on\n" PATHS,
          { .oslo_compat = true,
            .syslog_facility = 5,
            .syslog_priority_max = LOG_ERR,
            .daemon_timeout_s = 600,
            .rlimit_nofile = 1024,
            .implicit_privsep = IMPLICIT_PRIVSEP_RESTRICTED } },
        { "the_smallest_limit_is_taken",
          PATHS "rlimit_nofile=3\ndaemon_timeout=0\n",
          { .syslog_facility = 5,
            .syslog_priority_max = LOG_ERR,
            .daemon_timeout_s = 0,
            .rlimit_nofile = SETTINGS_RLIMIT_NOFILE_MIN,
            .implicit_privsep = IMPLICIT_PRIVSEP_RESTRICTED } },
};

static void run_value_row(void **state)
{
        const typeof(value_rows[0]) *row = *state;
        const struct settings *want = &row->want;
        struct complaint complaint = { 0 };
        struct settings settings;
        struct file file;

        file_make(&file, row->options);
        assert_int_equal(settings_load(&settings, file.path, NULL, &complaint), 0);
        assert_int_equal(settings.use_syslog, want->use_syslog);
        assert_int_equal(settings.syslog_facility, want->syslog_facility);
        assert_int_equal(settings.syslog_priority_max, want->syslog_priority_max);
        assert_int_equal(settings.daemon_timeout_s, want->daemon_timeout_s);
        assert_int_equal(settings.rlimit_nofile, want->rlimit_nofile);
        assert_int_equal(settings.oslo_compat, want->oslo_compat);
        assert_int_equal(settings.implicit_privsep, want->implicit_privsep);
        assert_null(settings.unknown[0].name);
        settings_deinit(&settings);
        file_remove(&file);
}

static struct {
        const char *name;
        const char *options;
        enum settings_log_format log_format;
        unsigned int auth_digests;
        int64_t max_message_bytes;
        int64_t drain_timeout_s;
} daemon_rows[] = {
        { "the_daemon_has_defaults", PATHS, SETTINGS_LOG_TEXT, 31, 1073741824, -1 },
        { "each_option_of_the_daemon_is_read",
          PATHS "log_format=json\nauth_digests = sha256 , sha3_384\nmax_message_bytes=65_536\n"
                "drain_timeout=5\n",
          SETTINGS_LOG_JSON, SETTINGS_DIGEST_SHA256 | SETTINGS_DIGEST_SHA3_384, 65536, 5 },
        { "the_smallest_values_are_taken",
          PATHS "log_format=text\nauth_digests=md5\nmax_message_bytes=1\ndrain_timeout=0\n",
          SETTINGS_LOG_TEXT, SETTINGS_DIGEST_MD5, 1, 0 },
        { "the_largest_values_are_taken",
          PATHS "auth_digests=md5,sha256,sha384,sha3_256,sha3_384,md5\n"
                "max_message_bytes=1099511627776\n",
          SETTINGS_LOG_TEXT, SETTINGS_DIGEST_ALL, SETTINGS_MESSAGE_BYTES_MAX, -1 },
        { "each_digest_has_its_bit", PATHS "auth_digests=sha384,sha3_256\n", SETTINGS_LOG_TEXT,
          SETTINGS_DIGEST_SHA384 | SETTINGS_DIGEST_SHA3_256, 1073741824, -1 },
};

static void run_daemon_row(void **state)
{
        const typeof(daemon_rows[0]) *row = *state;
        struct complaint complaint = { 0 };
        struct settings settings;
        struct file file;

        file_make(&file, row->options);
        assert_int_equal(settings_load(&settings, file.path, NULL, &complaint), 0);
        assert_int_equal(settings.log_format, row->log_format);
        assert_int_equal(settings.auth_digests, row->auth_digests);
        assert_int_equal(settings.max_message_bytes, row->max_message_bytes);
        assert_int_equal(settings.drain_timeout_s, row->drain_timeout_s);
        assert_null(settings.unknown[0].name);
        settings_deinit(&settings);
        file_remove(&file);
}

static void unknown_options_are_noted(void **state)
{
        struct complaint complaint = { 0 };
        struct settings settings;
        struct file file;

        (void)state;
        file_make(&file, PATHS "Colour=red\nuse_syslog=no\nsize=3\n[other]\nshape=round\n");
        assert_int_equal(settings_load(&settings, file.path, NULL, &complaint), 0);
        assert_string_equal(settings.unknown[0].name, "colour");
        assert_string_equal(settings.unknown[1].name, "size");
        assert_null(settings.unknown[2].name);
        settings_deinit(&settings);
        file_remove(&file);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, a_file_that_is_not_there_is_refused);
        test_set_add_rows(&set, bad_rows, run_bad_row);
        test_set_add_rows(&set, list_rows, run_list_row);
        test_set_add_rows(&set, value_rows, run_value_row);
        test_set_add_rows(&set, daemon_rows, run_daemon_row);
        test_set_add_test(&set, unknown_options_are_noted);
        return test_set_run(&set, "settings");
}
