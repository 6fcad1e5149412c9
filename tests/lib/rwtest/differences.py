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
}
