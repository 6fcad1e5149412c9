# SPDX-License-Identifier: Apache-2.0
"""The benchmarks that bench/run drives."""
