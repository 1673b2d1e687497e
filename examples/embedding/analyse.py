"""Print the period of each path, found and exact: angle (degrees), found, exact."""

import csv
import math
import pathlib
import sys

from pendulum import measured_period, period

print("angle,found,exact")
for name in sys.argv[1:]:
    with open(name) as file:
        rows = list(csv.DictReader(file))
    path = [(float(row["angle"]), float(row["velocity"])) for row in rows]
    angle = pathlib.Path(name).stem
    found = measured_period(path, float(rows[1]["time"]))
    print(f"{angle},{found:.6f},{period(math.radians(float(angle))):.6f}")
