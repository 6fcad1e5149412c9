# SPDX-License-Identifier: Apache-2.0
"""The tests that oslo.rootwrap is not asked, and why. Every other test runs on both."""

OURS_ONLY: dict[str, str] = {
    "test_a_signal_to_rootwrap_reaches_the_command":
        "oslo.rootwrap ends and leaves its command behind",
    "test_ctrl_c_on_a_terminal_is_delivered_once":
        "oslo.rootwrap ends with a traceback of its own",
    "test_a_second_signal_reaches_a_command_that_ignored_the_first":
        "oslo.rootwrap ends and leaves its command behind",
    "test_an_unknown_filter_class_leaves_stderr_to_the_command":
        "oslo.rootwrap writes a warning to the command's stderr",
    "test_a_program_that_the_kernel_cannot_execute_is_96_with_the_reason":
        "oslo.rootwrap ends with a traceback and 1",
    "test_a_refusal_is_logged_without_line_breaks":
        "oslo.rootwrap logs arguments as they are",
    "test_syslog_that_cannot_be_opened_leaves_stderr_to_the_command":
        "oslo.rootwrap writes a warning to the command's stderr",
    "test_what_runs_is_finished_and_answered":
        "oslo.rootwrap's daemon now and then ends without the answer, or after it was waited for",
    # The daemon. Debian's Python is 3.11: it knows one digest, and no names of digests.
    "test_a_client_may_use_each_digest_that_python_knows":
        "Python 3.11 knows MD5 only",
    "test_the_daemon_proves_itself_with_the_digest_that_it_is_asked_for":
        "Python 3.11 knows MD5 only",
    "test_a_challenge_without_a_known_digest_gets_no_signature":
        "Python 3.11 signs whatever it is sent",
    "test_the_longest_challenge_is_answered":
        "Python 3.11 knows MD5 only",
}
