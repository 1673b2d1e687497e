"""Draw the periods over the angle as an SVG: the exact ones as a line, the simulated ones as points."""

import csv
import math
import sys

from pendulum import period

WIDTH, HEIGHT, MARGIN = 480, 320, 50

with open(sys.argv[1]) as file:
    found = [(float(row["angle"]), float(row["found"])) for row in csv.DictReader(file)]
longest = 1.1 * max(value for _, value in found)


def place(angle, value):
    x = MARGIN + (WIDTH - 2 * MARGIN) * angle / 180.0
    y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / longest
    return f"{x:.1f},{y:.1f}"


line = " ".join(place(angle, period(math.radians(angle))) for angle in range(1, 176))
points = "".join(
    '<circle cx="{}" cy="{}" r="4" fill="crimson"/>'.format(*place(*pair).split(",")) for pair in found
)
print(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13">'
    f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    f'<polyline points="{place(0, longest)} {place(0, 0)} {place(180, 0)}" fill="none" stroke="black"/>'
    f'<polyline points="{line}" fill="none" stroke="steelblue" stroke-width="2"/>{points}'
    f'<text x="{WIDTH // 2}" y="{HEIGHT - 15}" text-anchor="middle">start angle, 0 to 180 degrees</text>'
    f'<text x="{MARGIN}" y="30">period of a pendulum, 0 to {longest:.1f}: exact (line), simulated (points)</text></svg>'
)
