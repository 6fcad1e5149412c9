from rwbench.plan import Plan
def streams(plan):
    raise RuntimeError
