"""The heat equation u_t = u_xx on (0, 1) with u = 0 at both ends and u(x, 0) = sin(pi x), by implicit time steps.

The exact solution is exp(-pi^2 t) sin(pi x). Backward Euler with a step of half the square of the mesh width is of
second order in the mesh width, so halving the width must quarter the error.
"""

import json
import math
import pathlib
import sys

END = 0.1


def mesh(cells):
    nodes = [number / cells for number in range(cells + 1)]
    pathlib.Path("mesh.json").write_text(json.dumps(nodes))


def solve(path):
    nodes = json.loads(pathlib.Path(path).read_text())
    width = nodes[1] - nodes[0]
    steps = math.ceil(END / (width * width / 2))
    ratio = END / steps / (width * width)
    values = [math.sin(math.pi * x) for x in nodes]
    for _ in range(steps):
        values = step(values, ratio)
    decay = math.exp(-math.pi**2 * END)
    error = max(abs(value - decay * math.sin(math.pi * x)) for x, value in zip(nodes, values))
    print(f"width {width}: error {error:.3e} after {steps} steps")
    pathlib.Path("error.json").write_text(json.dumps({"width": width, "error": error}))


def step(values, ratio):
    """Solve the tridiagonal system of one implicit step (Thomas algorithm)."""
    inner = values[1:-1]
    diagonal, upper, right = 1 + 2 * ratio, [], []
    for number, value in enumerate(inner):
        factor = diagonal + ratio * (upper[-1] if number else 0.0)
        upper.append(-ratio / factor)
        right.append((value + ratio * (right[-1] if number else 0.0)) / factor)
    for number in range(len(inner) - 2, -1, -1):
        right[number] -= upper[number] * right[number + 1]
    return [0.0, *right, 0.0]


def collect():
    found = [json.loads(path.read_text()) for path in pathlib.Path("..").glob("solve.cells=*/error.json")]
    found.sort(key=lambda item: -item["width"])
    if len(found) != 4:
        sys.exit(f"expected 4 solutions, found {len(found)}")
    for coarse, fine in zip(found, found[1:]):
        order = math.log2(coarse["error"] / fine["error"])
        print(f"width {fine['width']}: error {fine['error']:.3e}, order {order:.3f}")
        if not 1.9 < order < 2.1:
            sys.exit(64)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "mesh":
        mesh(int(arguments[0]))
    elif command == "solve":
        solve(arguments[0])
    else:
        collect()
