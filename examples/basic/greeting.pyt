"""The smallest test file: it passes when it exits with 0."""
import canary

canary.directives.keywords("fast", "basic")
canary.directives.parameterize("name", ["Ada", "Grace", "Mary"])


def test():
    self = canary.get_instance()
    print(f"Hello, {self.parameters.name}, from {self.name} on CPU {','.join(self.cpu_ids)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(test())
