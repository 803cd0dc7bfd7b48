"""Learning-rate schedules, a pure function a file; how each is searched stands in conf/schedule/.

A schedule takes the 0-based step and the number of all steps, and gives what the learning rate is
multiplied by; its keyword-only arguments are the axes it adds to a search space. All of them begin
with a linear warm-up where one is asked for (`harness.training.warm_up`).
"""
