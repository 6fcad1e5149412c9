/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which we refuse what oslo.rootwrap would allow. Their list is closed. */
#pragma once

/* Bits, so that a refusal can name all that had a part in it. rootwrap.filters(5) explains each. */
enum rule {
        RULE_NONE = 0,
        RULE_PRIVSEP =
                1 << 0,      /* D0: the implicit privsep-helper takes oslo.privsep's options only */
        RULE_INNER = 1 << 1, /* D1: inside a chain, the resolved command is what runs */
        RULE_PATH = 1 << 2,  /* D2: paths are compared by whole components */
        RULE_IP = 1 << 3,    /* D3: ip's own options and abbreviations are understood */
        RULE_WHOLE = 1 << 4, /* D6: a pattern matches the whole argument */
        RULE_ENV = 1 << 5,  /* D17: values in an EnvFilter are compared, matching changes nothing */
        RULE_KILL = 1 << 6, /* D18: the process that was checked is the one that is signalled */
};

const char *rule_id(enum rule rule);
const char *rule_text(enum rule rule);
enum rule rule_next(unsigned int *rules);
