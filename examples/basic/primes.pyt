"""Zipped parameters, two CPUs, and a comparison that ends as DIFFED when the numbers are off."""
import canary

canary.directives.keywords("fast", "numeric")
canary.directives.parameterize("below,expected", [(10, 4), (100, 25), (10_000, 1229)])
canary.directives.cpus(2)
canary.directives.timeout("1m")


def count_primes(below):
    sieve = bytearray([1]) * below
    sieve[:2] = b"\0\0"
    for number in range(2, int(below**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
    return sum(sieve)


def test():
    self = canary.get_instance()
    found = count_primes(self.parameters.below)
    print(f"{found} primes below {self.parameters.below}")
    if found != self.parameters.expected:
        raise canary.TestDiffed(f"expected {self.parameters.expected}")


if __name__ == "__main__":
    test()
