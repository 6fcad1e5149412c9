# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests, the demo and the benchmarks share."""
