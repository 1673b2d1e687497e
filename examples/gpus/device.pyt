"""Jobs that need GPUs are told exactly which ones are theirs. Plan with -r gpus=4 where there are none."""
import os

import canary

canary.directives.parameterize("gpus", [1, 2, 4])
canary.directives.timeout(60)


def test():
    self = canary.get_instance()
    visible = os.environ["CUDA_VISIBLE_DEVICES"].split(",")
    print(f"{self.name} sees GPUs {visible}")
    if visible != list(self.gpu_ids) or len(set(visible)) != self.parameters.gpus:
        raise canary.TestFailed(f"asked for {self.parameters.gpus} GPUs, was given {self.gpu_ids}")


if __name__ == "__main__":
    test()
