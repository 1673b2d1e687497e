"""What is read in the answer of `sbatch`: one id for certain, or none; and which refusals pass."""

import pytest

from canary_wf.submission.answer import TemporaryFailure, job_id_in, temporary_failure


@pytest.mark.parametrize(
    ("output", "job"),
    [
        ("42\n", "42"),
        ("42;lab\n", "42"),
        ("*** welcome ***\n42\n", "42"),
        ("  42;my-cluster.1  \r\nYour quota: 17 of 20 TB; thanks\n", "42"),
        ("42\n42\n", "42"),
        ("", None),
        ("*** welcome ***\n", None),
        ("2026\n42\n", None),
        ("job 42\n", None),
        ("42;a;b\n", None),
        ("42_1\n", None),
        ("-42\n", None),
    ],
)
def test_an_id_stands_on_a_line_of_its_own(output: str, job: str | None) -> None:
    """Greetings before and behind are passed over; two ids are as good as none."""
    assert job_id_in(output) == job


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("Batch job submission failed: Socket timed out on send/recv operation", TemporaryFailure.CONTROLLER),
        (
            "Batch job submission failed: Unable to contact slurm controller (connect failure)",
            TemporaryFailure.CONTROLLER,
        ),
        ("Batch job submission failed: Resource temporarily unavailable", TemporaryFailure.CONTROLLER),
        ("Slurm temporarily unable to accept job, sleeping and retrying", TemporaryFailure.CONTROLLER),
        (
            "QOSMaxSubmitJobPerUserLimit\nBatch job submission failed: Job violates accounting/QOS policy",
            TemporaryFailure.LIMIT,
        ),
        ("AssocMaxSubmitJobLimit", TemporaryFailure.LIMIT),
        ("AssocGrpSubmitJobsLimit", TemporaryFailure.LIMIT),
        ("QOSGrpSubmitJobsLimit", TemporaryFailure.LIMIT),
        ("QOSMaxCpuPerJobLimit\nJob violates accounting/QOS policy (job submit limit, user's size and/or time)", None),
        ("Batch job submission failed: Requested node configuration is not available", None),
        ("Batch job submission failed: Invalid account or account/partition combination specified", None),
        ("Batch job submission failed: Invalid partition name specified", None),
        ("not today", None),
    ],
)
def test_refusals_that_pass_are_told_from_those_that_do_not(told: str, kind: TemporaryFailure | None) -> None:
    """A size that no policy allows stays refused, however long one waits."""
    assert temporary_failure(f"sbatch: error: {told}") == kind
