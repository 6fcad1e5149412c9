/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For builds with sanitizers: LeakSanitizer traces its own process at exit, which neither half of
 * the daemon lets anybody do. Leaks are looked for by other means (tests/soak).
 */

const char *__asan_default_options(void); /* NOLINT(bugprone-reserved-identifier) */

/**
 * __asan_default_options() - what AddressSanitizer asks for when it starts
 *
 * Return: its options
 */
__attribute__((visibility("default"), used)) const char *__asan_default_options(void)
{
        return "detect_leaks=0";
}
