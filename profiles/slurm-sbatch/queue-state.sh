#!/bin/sh
# Tells how the Slurm job $1 is doing, in the words of Snakemake's executor `cluster-generic`: running, success or failed.
#
# Snakemake asks once for each job and each round. The answer comes from one list of all of the user's jobs, which is
# kept in .snakemake for CANARY_WF_QUEUE_SECONDS (5); nothing but squeue is started, and that only for a new list.
list=.snakemake/canary-wf-queue
age=${CANARY_WF_QUEUE_SECONDS:-5}

state_in_list() { # the last word counts: a requeued job stands there once for each time
    [ -r "$list" ] && sed -n "s/^$1|//p" "$list" | tail -n 1
}

is_fresh() {
    [ -r "$list" ] || return 1
    now=$(date +%s)
    then=$(stat -c %Y "$list" 2>/dev/null) || return 1
    [ $((now - then)) -lt "$age" ]
}

ask_squeue() { # a controller that does not answer leaves the old list in place
    new=$list.$$
    if squeue --noheader --me --states=all --format='%i|%T' >"$new" 2>/dev/null; then
        mv -f "$new" "$list"
    else
        rm -f "$new"
        return 1
    fi
}

is_fresh || { ask_squeue || { echo running; exit 0; }; }
state=$(state_in_list "$1")
if [ -z "$state" ]; then # submitted after the list was made, or forgotten since by the controller
    ask_squeue || { echo running; exit 0; }
    state=$(state_in_list "$1")
fi
if [ -z "$state" ]; then
    state=$(sacct --noheader --parsable2 --allocations --jobs="$1" --format=State 2>/dev/null | tail -n 1)
fi
case $state in
    BOOT_FAIL* | CANCELLED* | DEADLINE* | FAILED* | NODE_FAIL* | OUT_OF_MEMORY* | PREEMPTED* | TIMEOUT*) echo failed ;;
    COMPLETED*) echo success ;;
    '') echo success ;; # nobody knows it any more, so it is over; Snakemake looks for its result itself
    *) echo running ;;
esac
