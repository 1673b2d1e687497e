#!/bin/sh
# Tells how the Slurm job $1 is doing, in the words of Snakemake's executor `cluster-generic`: running, success or failed.
#
# Snakemake asks once for each job and each round. The answer comes from lists in .snakemake that hold all jobs: one squeue
# each CANARY_WF_QUEUE_SECONDS (5), whether it answers or not, and behind it one sacct for all jobs that it does not know.
# A job that is in no list yet counts as running until the next round: it was submitted since, or forgotten by the
# controller, and only a new list tells.
queue=.snakemake/canary-wf-queue     # id|state, what squeue answered last
ended=.snakemake/canary-wf-ended     # id|state, what sacct said of jobs that squeue did not know
unknown=.snakemake/canary-wf-unknown # ids, of jobs that were asked after and stand in neither list
asked=.snakemake/canary-wf-asked     # its time is that of the last squeue

state_in() { # the last word counts: a requeued job stands there once for each time
    [ -r "$1" ] && sed -n "s/^$2|//p" "$1" | tail -n 1
}

is_due() {
    then=$(stat -c %Y "$asked" 2>/dev/null) || return 0
    [ $(($(date +%s) - then)) -ge "${CANARY_WF_QUEUE_SECONDS:-5}" ]
}

ask_squeue() { # a controller that does not answer leaves the old list in place
    : >"$asked"
    if squeue --noheader --me --states=all --format='%i|%T' >"$queue.$$" 2>/dev/null; then
        mv -f "$queue.$$" "$queue"
    else
        rm -f "$queue.$$"
        return 1
    fi
}

ask_sacct() { # all that were unknown before the newest list was made, and still are, have left the queue
    [ -s "$unknown" ] || return 0
    while read -r job; do
        [ -n "$(state_in "$queue" "$job")" ] || echo "$job"
    done <"$unknown" >"$unknown.$$"
    if [ -s "$unknown.$$" ]; then
        jobs=$(paste -s -d , "$unknown.$$")
        sacct --noheader --parsable2 --allocations --jobs="$jobs" --format=JobID,State >>"$ended" 2>/dev/null
        while read -r job; do # nobody knows it any more, so it is over; Snakemake looks for its result itself
            [ -n "$(state_in "$ended" "$job")" ] || echo "$job|COMPLETED" >>"$ended"
        done <"$unknown.$$"
    fi
    rm -f "$unknown.$$" "$unknown"
}

if is_due && ask_squeue; then
    ask_sacct
fi
state=$(state_in "$queue" "$1")
in_queue=$state
[ -n "$state" ] || state=$(state_in "$ended" "$1")
case $state in
    BOOT_FAIL* | CANCELLED* | DEADLINE* | FAILED* | NODE_FAIL* | OUT_OF_MEMORY* | PREEMPTED* | TIMEOUT*) echo failed ;;
    COMPLETED*) echo success ;;
    *)
        [ -n "$in_queue" ] || grep -qx "$1" "$unknown" 2>/dev/null || echo "$1" >>"$unknown"
        echo running
        ;;
esac
