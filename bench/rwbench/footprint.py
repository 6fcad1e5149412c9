from rwbench.plan import Plan
def footprint(plan):
    raise RuntimeError
