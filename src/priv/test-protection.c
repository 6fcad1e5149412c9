/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/protection.h"
#include "util/test.h"

static void each_protection_has_a_name_of_its_own(void **state)
{
        const char *names[PROTECTION_N_BITS];
        int i;
        int k;

        (void)state;
        for (i = 0; i < PROTECTION_N_BITS; i++) {
                names[i] = protection_name(1u << i);
                assert_string_not_equal(names[i], protection_name(1u << PROTECTION_N_BITS));
                for (k = 0; k < i; k++)
                        assert_string_not_equal(names[i], names[k]);
        }
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, each_protection_has_a_name_of_its_own);
        return test_set_run(&set, "protection");
}
