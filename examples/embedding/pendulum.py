"""A pendulum, simulated by a symplectic scheme (leapfrog): what the workflow simulates and the tests test.

The motion is theta'' = -sin(theta), from rest at a given angle, in units in which a small swing takes 2 pi.
"""

import argparse
import csv
import math


def leapfrog(angle, step, steps):
    """Return the angles and velocities at 0, step, 2 step, …"""
    velocity = 0.0
    path = [(angle, velocity)]
    for _ in range(steps):
        velocity -= 0.5 * step * math.sin(angle)
        angle += step * velocity
        velocity -= 0.5 * step * math.sin(angle)
        path.append((angle, velocity))
    return path


def energy(angle, velocity):
    return 0.5 * velocity * velocity + 1.0 - math.cos(angle)


def period(start):
    """Return the exact period, by the arithmetic-geometric mean (Gauss)."""
    one, other = 1.0, math.cos(start / 2.0)
    while abs(one - other) > 1e-15:
        one, other = 0.5 * (one + other), math.sqrt(one * other)
    return 2.0 * math.pi / one


def measured_period(path, step):
    """Return the period that `path` shows: four times the time to the first pass through the lowest point."""
    for number, ((before, _), (after, _)) in enumerate(zip(path, path[1:])):
        if before > 0.0 >= after:
            return 4.0 * step * (number + before / (before - after))
    raise ValueError("the pendulum never passes its lowest point: simulate longer")


def main():
    parser = argparse.ArgumentParser(description="Simulate a pendulum and write its path.")
    parser.add_argument("--angle", type=float, required=True, help="in degrees")
    parser.add_argument("--step", type=float, default=0.01)
    parser.add_argument("--time", type=float, default=20.0)
    parser.add_argument("file")
    options = parser.parse_args()
    path = leapfrog(math.radians(options.angle), options.step, round(options.time / options.step))
    with open(options.file, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "angle", "velocity"])
        writer.writerows((number * options.step, *state) for number, state in enumerate(path))


if __name__ == "__main__":
    main()
