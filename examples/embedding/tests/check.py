"""The tests of the pendulum: exit code 0 when the property holds, 64 when the numbers differ."""

import json
import math
import pathlib
import sys

DIFFERS = 64


def check_energy(step):
    """The energy of a symplectic scheme swings and does not drift; its swing is kept for `order`."""
    from pendulum import energy, leapfrog

    path = leapfrog(1.0, step, round(200.0 / step))
    values = [energy(*state) for state in path]
    half = len(values) // 2
    early, late = (max(part) - min(part) for part in (values[:half], values[half:]))
    print(f"step {step}: the energy swings by {early:.3e}, later by {late:.3e}")
    pathlib.Path("swing.json").write_text(json.dumps({"step": step, "swing": late}))
    return late < 1.01 * early


def check_period(degrees):
    """The simulated period is the exact one, up to the error of the scheme."""
    from pendulum import leapfrog, measured_period, period

    step, start = 0.001, math.radians(degrees)
    exact = period(start)
    found = measured_period(leapfrog(start, step, round(exact / step)), step)
    print(f"{degrees} degrees: period {found:.8f}, exactly {exact:.8f}")
    return abs(found - exact) < 1e-5 * exact


def check_order():
    """Half the step makes a quarter of the swing."""
    found = [json.loads(path.read_text()) for path in pathlib.Path("..").glob("energy.step=*/swing.json")]
    found.sort(key=lambda item: -item["step"])
    orders = [math.log2(coarse["swing"] / fine["swing"]) for coarse, fine in zip(found, found[1:])]
    print("orders:", ", ".join(f"{order:.3f}" for order in orders))
    return len(orders) == 2 and all(1.9 < order < 2.1 for order in orders)


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    holds = {"energy": check_energy, "period": check_period, "order": check_order}[name](*map(float, numbers))
    sys.exit(0 if holds else DIFFERS)
