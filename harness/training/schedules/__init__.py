"""Learning-rate schedules, a pure function a file. How a schedule is searched stands in conf/schedule/."""
