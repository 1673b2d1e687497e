"""One job of a running batch: its folder, environment, process, limits and verdict.

In this order: `workdir`, `environment`, `launcher`, `running_job` under `limits`, `judgement`, `cleanup`.
"""
